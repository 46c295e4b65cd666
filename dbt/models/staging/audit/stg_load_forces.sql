with

load_forces as (select * from {{ source("audit", "load_force") }}),

final as (
    select
        cast(load_id as bigint) as load_id,
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(member as {{ dbt.type_string() }}) as member,
        cast(rows_read as bigint) as rows_read,
        cast(rows_loaded as bigint) as rows_loaded,
        cast(rows_quarantined as bigint) as rows_quarantined,
        cast(rows_repeated as bigint) as rows_repeated
    from load_forces
)

select * from final
