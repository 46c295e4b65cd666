with

measures as (select * from {{ ref("measure_catalogue") }}),

names as ({{ measure_names() }}),

sections as (select * from {{ ref("measure_sections") }}),

synonyms as (select * from {{ ref("measure_synonyms") }})

select
    measures.measure,
    measures.section,
    sections.title as section_title,
    cast(sections.section_order as bigint) as section_order,
    measures.name,
    names.label,
    names.short_label,
    names.stated_seconds,
    measures.unit,
    cast(measures.decimals as bigint) as decimals,
    measures.better,
    measures.owner,
    measures.definition,
    nullif(names.numerator, '') as numerator,
    nullif(measures.denominator, '') as denominator,
    cast(measures.method in ('sum', 'ratio') as boolean) as is_additive,
    {{ is_sum() }} as is_sum,
    measures.in_board_paper,
    measures.headline_order is not null as is_headline,
    cast(measures.headline_order as bigint) as headline_order,
    nullif(measures.topic, '') as topic,
    measures.weight,
    nullif(names.clause, '') as clause,
    nullif(measures.volume, '') as volume,
    cast(measures.board_paper_order as bigint) as board_paper_order,
    measures.sources,
    measures.factor,
    measures.numerator_divisor,
    measures.denominator_divisor,
    nullif(measures.breakdown, '') as breakdown,
    measures.chart_type,
    measures.has_weekly_chart,
    nullif(concat_ws(', ', synonyms.synonyms, section_synonyms.synonyms), '') as synonyms
from measures
inner join names
    on measures.measure = names.measure
left join sections
    on measures.section = sections.section
left join synonyms
    on measures.name = synonyms.term
left join synonyms as section_synonyms
    on measures.section = section_synonyms.term
