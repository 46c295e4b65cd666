{%- set sources = ["crimes"] -%}
{%- set other_kinds = "is_" ~ crime_change_kinds() | reject("equalto", "other") | join(" or is_") -%}
{{ config(
    materialized="incremental",
    meta={"archive": {"day": "month_start", "sources": sources}},
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
    post_hook="{{ keep_archived() }}",
) }}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

states as (

    select * from {{ ref("fct_crime_status") }}
    {%- if is_incremental() %}
    -- All states of a crime, since the first one of a month is compared with the one before.
    where (force_code, crime_ref, crime_epoch) in (
        select
            force_code,
            crime_ref,
            crime_epoch
        from {{ ref("fct_crime_status") }}
        {{ in_changed_months("where", "updated_date", sources) }}
    )
    {%- endif %}

),

with_state_before as (

    select
        force_code,
        crime_ref,
        crime_epoch,
        updated_date,
        {%- for column in ["status", "offence_code", "cancel_code", "district"] %}
        {{ column }},
        lag({{ column }}) over (
            partition by force_code, crime_ref, crime_epoch
            order by updated_at asc nulls last
        ) as {{ column }}_before{{ "," if not loop.last }}
        {%- endfor %}
    from states

),

judged as (

    select
        force_code,
        crime_ref,
        crime_epoch,
        {{ month_start("updated_date") }} as month_start,
        -- A state always has a status, so only the first one has none before it.
        status_before is null as is_recorded,
        status = 'cancelled' and coalesce(status_before, 'recorded') <> 'cancelled' as is_cancelled,
        status <> 'cancelled' and coalesce(status_before, 'recorded') = 'cancelled' as is_reinstated,
        offence_code <> coalesce(offence_code_before, offence_code) as is_reclassified,
        -- A code kept by a re-instated crime is not a reason for cancellation, so both states must be cancelled.
        status = 'cancelled' and coalesce(status_before, 'recorded') = 'cancelled'
        and coalesce(cancel_code, '') <> coalesce(cancel_code_before, '') as is_recoded,
        status_before is not null and coalesce(district, '') <> coalesce(district_before, '') as is_moved
    from with_state_before
    {{ in_changed_months("where", "updated_date", sources) }}

),

-- A state that is several kinds counts in each; one that is none is another change.
kinds as (
    {%- for kind in crime_change_kinds() %}
    {% if not loop.first %}union all{% endif %}

    select
        force_code,
        month_start,
        crime_ref,
        crime_epoch,
        '{{ kind }}' as change,
        count(*) as states
    from judged
    where {% if kind == "other" %}not ({{ other_kinds }}){% else %}is_{{ kind }}{% endif %}
    group by all
    {%- endfor %}

)

-- A crime counts once in a month, regardless of how many of its states count.
select
    force_code,
    month_start,
    change,
    cast(sum(states) as bigint) as states,
    cast(count(*) as bigint) as crimes
from kinds
group by all
