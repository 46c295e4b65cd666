with

visits as (
    select * from {{ source("raw", "front_counter_visits") }}
),

current_loads as (
    select load_id
    from {{ source("audit", "load") }}
    where source = 'front_counter_visits' and status = 'loaded'
),

final as (
    select
        cast(visits.force_code as {{ dbt.type_string() }}) as force_code,
        cast(visits.visit_id as {{ dbt.type_string() }}) as visit_id,
        cast(visits.station as {{ dbt.type_string() }}) as station,
        cast(visits.arrived_at as timestamp) as arrived_at,
        {{ local_date("visits.arrived_at") }} as arrived_date,
        cast(visits.seen_at as timestamp) as seen_at,
        cast(visits.reason as {{ dbt.type_string() }}) as reason,
        cast(visits.extract_date as date) as extract_date,
        cast(visits.load_id as bigint) as load_id,
        cast(visits.source_row as bigint) as source_row
    from visits
    inner join current_loads
        on visits.load_id = current_loads.load_id
)

select * from final
