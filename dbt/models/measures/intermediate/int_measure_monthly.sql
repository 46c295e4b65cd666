-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

measures as (select * from {{ ref("measure_catalogue") }}),

deliveries as (select * from {{ ref("int_measure_delivery") }}),

amount_values as (

    select * from {{ ref("int_amount_value") }}
    where period = 'month'

),

-- A month uses the formula and the target of its first day.
summed as (
    {{- measure_sums("deliveries", "month_start") }}
)

select
    summed.force_code,
    summed.measure,
    measures.section,
    measures.name,
    summed.month_start,
    summed.formula_measure,
    measures.method in ('sum', 'ratio') as is_additive,
    cast(summed.numerator as decimal(38, 6)) as numerator,
    cast(summed.denominator as decimal(38, 6)) as denominator,
    case
        when summed.days_loaded > 0 and (not summed.lacks_columns or {{ is_sum() }})
            then {{ figure("summed", "amount_values.value") | indent(12) }}
    end as value,
    summed.days_in_month,
    summed.days_loaded,
    summed.days_loaded > 0 as is_delivered,
    summed.is_provisional,
    summed.share_of_days_loaded,
    summed.target
from summed
inner join measures
    on summed.measure = measures.measure
left join amount_values
    on {{ same_columns("summed", "amount_values", ["force_code", "measure", "month_start"]) }}
