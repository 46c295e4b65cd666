{%- set sources = ["crimes"] -%}
{%- set kinds = crime_change_kinds() -%}
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

named as (

    select
        *,
        not is_recorded
        and not is_cancelled
        and not is_reinstated
        and not is_reclassified
        and not is_recoded
        and not is_moved as is_other
    from judged

),

-- A state that is several kinds counts in each. A crime counts once in a month, regardless of how many of its states
-- count.
crimes as (

    select
        force_code,
        month_start,
        crime_ref,
        crime_epoch,
        {%- for kind in kinds %}
        count(case when is_{{ kind }} then 1 end) as {{ kind }}_states{{ "," if not loop.last }}
        {%- endfor %}
    from named
    group by all

),

final as (

    select
        force_code,
        month_start,
        {%- for kind in kinds %}
        cast(sum({{ kind }}_states) as bigint) as {{ kind }}_states,
        cast(count(case when {{ kind }}_states > 0 then 1 end) as bigint) as {{ kind }}_crimes{{ "," if not loop.last }}
        {%- endfor %}
    from crimes
    group by all

)

select * from final
