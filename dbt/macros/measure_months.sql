{#- Query: the additive measures of a subject's sections by force and month, from a relation of parts by day, with the marks of
    int_measure_delivery. Numerator and denominator are sums; the value has the scale of the measure's unit, and is none
    where nothing was delivered, and of a quotient where a day lacks a column that it needs. -#}
{% macro measure_months(part_days, sections) %}
with

deliveries as (select * from {{ ref("int_measure_delivery") }}),

measure_parts as (select * from {{ ref("measure_parts") }}),

-- Measures that need a part of another subject are computed where the subjects meet.
measures as (

    select * from {{ ref("measure_catalogue") }}
    where
        section in ('{{ sections | join("', '") }}')
        and method in ('sum', 'ratio')
        and measure not in (
            select measure_parts.measure from measure_parts
            where split_part(measure_parts.part, '.', 1) not in ('{{ sections | join("', '") }}')
        )

),

part_months as (

    select
        force_code,
        part,
        {{ month_start("day") }} as month_start,
        sum(amount) as amount
    from {{ part_days }}
    group by all

),

summed as (

    select
        deliveries.force_code,
        deliveries.measure,
        deliveries.month_start,
        {{- sums_of_parts("part_months.amount") }}
    from deliveries
    left join measure_parts
        on deliveries.days_loaded > 0
        and deliveries.measure = measure_parts.measure
    left join part_months
        on deliveries.force_code = part_months.force_code
        and deliveries.month_start = part_months.month_start
        and measure_parts.part = part_months.part
    group by all

)

select
    summed.force_code,
    summed.measure,
    measures.name,
    measures.breakdown,
    summed.month_start,
    deliveries.days_in_month,
    deliveries.days_loaded,
    deliveries.lacks_columns,
    deliveries.is_provisional,
    deliveries.share_of_days_loaded,
    cast(summed.numerator as decimal(38, 6)) as numerator,
    cast(summed.denominator as decimal(38, 6)) as denominator,
    case
        when {{ is_sum() }} or not deliveries.lacks_columns
            then {{ ratio(figure_numerator("summed"), figure_denominator("summed")) }}
    end as value
from summed
inner join measures
    on summed.measure = measures.measure
inner join deliveries
    on {{ same_columns("summed", "deliveries", ["force_code", "measure", "month_start"]) }}
{% endmacro %}
