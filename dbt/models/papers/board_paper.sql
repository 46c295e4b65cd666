with

figures as (select * from {{ ref("kpi_measure_period") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

names as ({{ measure_names() }})

select
    figures.force_code,
    measures.section,
    names.label,
    measures.name as measure,
    figures.month_start,
    figures.value,
    figures.display_value,
    measures.unit,
    cast(measures.board_paper_order as bigint) as sort_order,
    figures.is_provisional,
    figures.share_of_days_loaded
from figures
inner join measures
    on figures.measure = measures.measure
inner join names
    on measures.measure = names.measure
where
    figures.period = 'month'
    and measures.in_board_paper
