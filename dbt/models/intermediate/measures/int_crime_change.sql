{#- A view: one aggregation reads it, and a table would hold every state a second time. -#}
{{ config(materialized="view") }}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

states as (

    select * from {{ ref("fct_crime_status") }}

),

with_state_before as (

    select
        force_code,
        crime_ref,
        updated_at,
        updated_date,
        status,
        offence_code,
        cancel_code,
        district,
        {%- for column in ["status", "offence_code", "cancel_code", "district"] %}
        lag({{ column }}) over (
            partition by force_code, crime_ref
            order by updated_at asc nulls last
        ) as {{ column }}_before{{ "," if not loop.last }}
        {%- endfor %}
    from states

),

judged as (

    select
        force_code,
        crime_ref,
        updated_at,
        updated_date,
        -- A state always has a status, so only the first one has none before it.
        status_before is null as is_recorded,
        status = 'cancelled' and coalesce(status_before, 'recorded') <> 'cancelled' as is_cancelled,
        status <> 'cancelled' and coalesce(status_before, 'recorded') = 'cancelled' as is_reinstated,
        offence_code <> coalesce(offence_code_before, offence_code) as is_reclassified,
        -- A code that a re-instated crime has kept is no reason of anything, so both states have to be cancelled.
        status = 'cancelled' and coalesce(status_before, 'recorded') = 'cancelled'
        and coalesce(cancel_code, '') <> coalesce(cancel_code_before, '') as is_recoded,
        status_before is not null and coalesce(district, '') <> coalesce(district_before, '') as is_moved
    from with_state_before

),

final as (

    select
        force_code,
        crime_ref,
        updated_at,
        updated_date,
        is_recorded,
        is_cancelled,
        is_reinstated,
        is_reclassified,
        is_recoded,
        is_moved,
        not is_recorded
        and not is_cancelled
        and not is_reinstated
        and not is_reclassified
        and not is_recoded
        and not is_moved as is_other
    from judged

)

select * from final
