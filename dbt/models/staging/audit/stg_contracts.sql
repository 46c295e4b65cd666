with

contracts as (select * from {{ source("audit", "contract") }}),

final as (
    select
        cast(source as {{ dbt.type_string() }}) as source,
        cast(absent_forces_complete as boolean) as absent_forces_complete
    from contracts
)

select * from final
