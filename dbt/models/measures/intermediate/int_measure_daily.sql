{#- A view, and no test of a night reads it: the pages of days need the measures and months of one paper, and there are as
    many rows as days, measures and forces. -#}
{{ config(materialized="view") }}
with

measures as (select * from {{ ref("measure_catalogue") }}),

measure_months as (select * from {{ ref("int_measure_monthly") }}),

measure_parts as (select * from {{ ref("measure_parts") }}),

part_days as (select * from {{ ref("int_part_daily") }}),

-- A day uses the formula of its month. A source of each amount has a row of its own.
summed as (

    select
        measure_months.force_code,
        measure_months.measure,
        measure_months.month_start,
        part_days.day,
        {{ sums_of_parts("part_days.amount") }}
    from measure_months
    inner join measure_parts
        on measure_months.formula_measure = measure_parts.measure
    inner join part_days
        on measure_months.force_code = part_days.force_code
        and measure_months.month_start = {{ month_start("part_days.day") }}
        and measure_parts.part = part_days.part
    where measure_months.is_delivered and measure_parts.role in ('numerator', 'denominator')
    group by all

)

-- A day may have events of the numerator only, and then no quotient, or of the denominator only.
select
    summed.force_code,
    summed.measure,
    summed.month_start,
    summed.day,
    cast(summed.numerator as decimal(38, 6)) as numerator,
    cast(summed.denominator as decimal(38, 6)) as denominator,
    case
        when {{ is_sum() }} or summed.denominator is not null
            then {{ ratio("coalesce(" ~ figure_numerator("summed") ~ ", 0)", figure_denominator("summed")) | indent(12) }}
    end as value
from summed
inner join measures
    on summed.measure = measures.measure
