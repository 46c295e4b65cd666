with

figures as (
    select * from {{ source("raw", "published_figures") }}
),

pending_loads as (
    select load_id
    from {{ source("audit", "pending_load") }}
    where source = 'published_figures'
),

final as (
    select distinct
        cast(figures.force_code as {{ dbt.type_string() }}) as force_code,
        cast(figures.report_id as {{ dbt.type_string() }}) as report_id,
        cast(figures.section as {{ dbt.type_string() }}) as section,
        cast(figures.measure as {{ dbt.type_string() }}) as measure,
        cast(figures.month as date) as month
    from figures
    inner join pending_loads
        on figures.load_id = pending_loads.load_id
)

select * from final
