with

figures as (select * from {{ source("raw", "published_figures") }}),

current_loads as (
    select load_id
    from {{ ref("stg_loads") }}
    where source = 'published_figures' and status = 'loaded'
)

select
    cast(figures.force_code as {{ dbt.type_string() }}) as force_code,
    cast(figures.report_id as {{ dbt.type_string() }}) as report_id,
    cast(figures.published_on as date) as published_on,
    cast(figures.section as {{ dbt.type_string() }}) as section,
    cast(figures.measure as {{ dbt.type_string() }}) as measure,
    cast(figures.unit as {{ dbt.type_string() }}) as unit,
    cast(figures.month as date) as month,
    cast(figures.published_value as {{ dbt.type_string() }}) as published_value,
    cast(figures.is_dst_ambiguous as boolean) as is_dst_ambiguous,
    cast(figures.extract_date as date) as extract_date,
    cast(figures.load_id as bigint) as load_id,
    cast(figures.source_row as bigint) as source_row
from figures
inner join current_loads
    on figures.load_id = current_loads.load_id
