{#- A view: only months and running months read it, and there are as many rows as days, measures and forces. -#}
{{ config(materialized="view") }}

with

source_days as (select * from {{ ref("int_source_day") }}),

gap_days as (select * from {{ ref("int_measure_gap_day") }}),

measure_sources as (

    select
        *,
        count(*) over (partition by measure) as sources
    from {{ ref("int_measure_source") }}

)

select
    measure_sources.measure,
    source_days.force_code,
    source_days.day
from source_days
inner join measure_sources
    on source_days.source = measure_sources.source
left join gap_days
    on {{ same_columns("measure_sources", "gap_days", ["measure", "source"]) }}
    and {{ same_columns("source_days", "gap_days", ["force_code", "day"]) }}
where source_days.is_loaded and gap_days.day is null
group by
    measure_sources.measure,
    measure_sources.sources,
    source_days.force_code,
    source_days.day
having count(*) = measure_sources.sources
