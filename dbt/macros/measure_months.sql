{#- Query: the additive measures of a subject's sections by force and month, from a relation of parts by day, with the marks of
    int_measure_delivery. Numerator and denominator are sums; the value has the scale of the measure's unit, and is none
    where nothing was delivered, and of a quotient where a day lacks a column that it needs. Measures that need a part of
    another subject are computed where the subjects meet. -#}
{% macro measure_months(part_days, sections) %}
{%- set listed = "('" ~ sections | join("', '") ~ "')" -%}
with

measures as (

    select * from {{ ref("measure_catalogue") }}
    where
        section in {{ listed }}
        and method in ('sum', 'ratio')
        and measure not in (
            select measure_parts.measure from {{ ref("measure_parts") }} as measure_parts
            where split_part(measure_parts.part, '.', 1) not in {{ listed }}
        )

),

deliveries as (

    select
        deliveries.*,
        measures.measure as formula_measure
    from {{ ref("int_measure_delivery") }} as deliveries
    inner join measures
        on deliveries.measure = measures.measure

),

summed as (
    {{- part_sums("deliveries", "month_start", part_days) }}
)

select
    summed.force_code,
    summed.measure,
    measures.name,
    measures.breakdown,
    summed.month_start,
    summed.days_in_month,
    summed.days_loaded,
    summed.lacks_columns,
    summed.is_provisional,
    summed.share_of_days_loaded,
    cast(summed.numerator as decimal(38, 6)) as numerator,
    cast(summed.denominator as decimal(38, 6)) as denominator,
    case
        when {{ is_sum() }} or not summed.lacks_columns
            then {{ ratio(figure_numerator("summed"), figure_denominator("summed")) }}
    end as value
from summed
inner join measures
    on summed.measure = measures.measure
{% endmacro %}
