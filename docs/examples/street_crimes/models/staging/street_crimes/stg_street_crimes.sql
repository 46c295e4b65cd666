with

crimes as (
    select * from {{ source("raw", "street_crimes") }}
),

current_loads as (
    select load_id
    from {{ source("audit", "load") }}
    where source = 'street_crimes' and status = 'loaded'
),

final as (
    select
        cast(crimes.force_code as {{ dbt.type_string() }}) as force_code,
        cast(crimes.crime_id as {{ dbt.type_string() }}) as crime_id,
        cast(crimes.month as date) as month_start,
        cast(crimes.longitude as decimal(9, 6)) as longitude,
        cast(crimes.latitude as decimal(9, 6)) as latitude,
        cast(crimes.crime_type as {{ dbt.type_string() }}) as crime_type,
        cast(crimes.extract_date as date) as extract_date,
        cast(crimes.load_id as bigint) as load_id,
        cast(crimes.source_row as bigint) as source_row
    from crimes
    inner join current_loads
        on crimes.load_id = current_loads.load_id
)

select * from final
