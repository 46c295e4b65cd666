with

purges as (select * from {{ source("audit", "purge") }}),

final as (
    select
        cast(source as {{ dbt.type_string() }}) as source,
        cast(purged_before as date) as purged_before
    from purges
)

select * from final
