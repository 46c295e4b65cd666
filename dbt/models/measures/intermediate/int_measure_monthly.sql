-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

measures as (select * from {{ ref("measure_catalogue") }}),

deliveries as (select * from {{ ref("int_measure_delivery") }}),

silent_periods as (select * from {{ ref("int_measure_silent_period") }}),

amount_values as (select * from {{ ref("int_amount_value") }}),

-- A month uses the formula and the target of its first day.
summed as (
    {{- measure_sums("deliveries", "month_start") }}
),

final as (

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
            when summed.days_loaded > 0 and (silent_periods.measure is null or {{ is_sum() }})
                then {{ figure("summed", "amount_values.value") | indent(16) }}
        end as value,
        summed.days_in_month,
        summed.days_loaded,
        summed.days_loaded > 0 as is_delivered,
        summed.days_loaded < summed.days_in_month as is_provisional,
        {{ ratio("summed.days_loaded", "summed.days_in_month", 100) }} as share_of_days_loaded,
        summed.target
    from summed
    inner join measures
        on summed.measure = measures.measure
    left join silent_periods
        on
            summed.force_code = silent_periods.force_code
            and summed.measure = silent_periods.measure
            and summed.month_start = silent_periods.month_start
            and silent_periods.period = 'month'
    left join amount_values
        on
            summed.force_code = amount_values.force_code
            and summed.measure = amount_values.measure
            and summed.month_start = amount_values.month_start
            and amount_values.period = 'month'

)

select * from final
