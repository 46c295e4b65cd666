with

pending_loads as (select * from {{ source("audit", "pending_load") }}),

final as (
    select
        cast(load_id as bigint) as load_id,
        cast(source as {{ dbt.type_string() }}) as source,
        cast(extract_date as date) as extract_date
    from pending_loads
)

select * from final
