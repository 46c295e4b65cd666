with

states as (
    select * from {{ source("raw", "crimes") }}
),

pending_loads as (
    select load_id
    from {{ source("audit", "pending_load") }}
    where source = 'crimes'
),

final as (
    select distinct
        cast(states.force_code as {{ dbt.type_string() }}) as force_code,
        cast(states.crime_ref as {{ dbt.type_string() }}) as crime_ref,
        cast(states.updated_at as timestamp) as updated_at
    from states
    inner join pending_loads
        on states.load_id = pending_loads.load_id
)

select * from final
