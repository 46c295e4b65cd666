with

silent_columns as (select * from {{ source("audit", "silent_column") }}),

final as (
    select
        cast(load_id as bigint) as load_id,
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(column_name as {{ dbt.type_string() }}) as column_name
    from silent_columns
)

select * from final
