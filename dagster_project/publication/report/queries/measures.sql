select
    measures.measure as code, measures.section, measures.section_title, measures.section_order,
    measures.label, measures.short_label, coalesce(measures.stated_seconds, '') as stated_seconds, measures.unit, measures.decimals,
    measures.better, measures.definition, measures.numerator, measures.denominator, measures.owner,
    measures.sources, measures.in_board_paper, measures.is_headline, measures.chart_type,
    measures.is_sum, measures.headline_order, coalesce(measures.topic, '') as topic,
    coalesce(measures.weight, 0)::double as weight, coalesce(measures.clause, '') as clause,
    coalesce(measures.volume, '') as volume, coalesce(measures.breakdown, '') as breakdown,
    coalesce(min(definitions.definition), 'target') as target_kind
from marts.measures as measures
left join marts.definitions as definitions
    on measures.measure = definitions.applies_to
    and definitions.definition in ('target', 'benchmark')
group by all
order by
    min(measures.board_paper_order) nulls last,
    min(measures.section_order),
    measures.section,
    any_value(measures.name)
