-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
with

measures as (

    select * from {{ ref("measure_catalogue") }}

),

measure_parts as (

    select * from {{ ref("measure_parts") }}

),

formulas as (

    select
        force_code,
        'crime.pct_cancelled' as measure,
        valid_from,
        valid_to,
        concat('crime.', formula) as formula
    from {{ ref("cancelled_crime_formulas") }}

),

targets as (

    select * from {{ ref("measure_targets") }}

),

part_days as (

    select * from {{ ref("int_part_daily") }}

),

deliveries as (

    select * from {{ ref("int_measure_delivery") }}

),

queue_times as (

    select * from {{ ref("int_queue_time_period") }}

),

concurrency as (

    select
        force_code,
        {{ month_start("day") }} as month_start,
        max(max_concurrent_chats) as max_concurrent_chats
    from {{ ref("int_chat_concurrency_daily") }}
    group by
        force_code,
        {{ month_start("day") }}

),

part_months as (

    select
        force_code,
        {{ month_start("day") }} as month_start,
        part,
        sum(amount) as amount
    from part_days
    group by
        force_code,
        {{ month_start("day") }},
        part

),

cells as (

    select
        force_code,
        measure,
        month_start,
        days_in_month,
        days_loaded
    from deliveries

),

-- A month takes the formula and the target of its first day.
dated_formulas as (
    {{- in_force(
        "cells",
        columns=["force_code", "measure", "month_start"],
        day="month_start",
        list="formulas",
        key=["measure"],
        values=["formula"],
    ) }}
),

dated_targets as (
    {{- in_force(
        "cells",
        columns=["force_code", "measure", "month_start"],
        day="month_start",
        list="targets",
        key=["measure"],
        values=["target"],
    ) }}
),

resolved as (

    select
        cells.*,
        coalesce(dated_formulas.formula, cells.measure) as formula_measure
    from cells
    left join dated_formulas
        on
            cells.force_code = dated_formulas.force_code
            and cells.measure = dated_formulas.measure
            and cells.month_start = dated_formulas.month_start

),

summed as (

    select
        resolved.force_code,
        resolved.measure,
        resolved.month_start,
        resolved.formula_measure,
        resolved.days_in_month,
        resolved.days_loaded,
        {%- for role in ["numerator", "denominator"] %}
        sum(
            case
                when measure_parts.role = '{{ role }}' then measure_parts.weight * coalesce(part_months.amount, 0)
            end
        ) as {{ role }}{{ "," if not loop.last }}
        {%- endfor %}
    from resolved
    left join measure_parts
        on resolved.formula_measure = measure_parts.measure
    left join part_months
        on
            resolved.force_code = part_months.force_code
            and resolved.month_start = part_months.month_start
            and measure_parts.part = part_months.part
    group by
        resolved.force_code,
        resolved.measure,
        resolved.month_start,
        resolved.formula_measure,
        resolved.days_in_month,
        resolved.days_loaded

),

-- What a figure is the quotient of, with the scale of its unit in it: a sum is divided by 1, a figure that does not add
-- up is its own numerator. The published value and every printed one are rounded from these two, once.
fractions as (

    select
        summed.force_code,
        summed.measure,
        measures.section,
        measures.name,
        summed.month_start,
        summed.formula_measure,
        summed.days_in_month,
        summed.days_loaded,
        summed.days_loaded > 0 as is_delivered,
        measures.is_additive,
        case when summed.days_loaded > 0 then summed.numerator end as numerator,
        case when summed.days_loaded > 0 then summed.denominator end as denominator,
        case
            when summed.days_loaded = 0 then null
            when measures.is_additive
                then summed.numerator * measures.factor * measures.denominator_divisor
            when measures.name = 'median_queue_time' then queue_times.median_queue_seconds
            when measures.name = 'p90_queue_time' then queue_times.p90_queue_seconds
            when measures.name = 'max_queue_time' then queue_times.max_queue_seconds
            when measures.name = 'max_concurrent_chats' then coalesce(concurrency.max_concurrent_chats, 0)
        end as value_numerator,
        case
            when measures.is_additive then coalesce(summed.denominator, 1) * measures.numerator_divisor
            else 1
        end as value_denominator,
        dated_targets.target
    from summed
    inner join measures
        on summed.measure = measures.measure
    left join dated_targets
        on
            summed.force_code = dated_targets.force_code
            and summed.measure = dated_targets.measure
            and summed.month_start = dated_targets.month_start
    left join queue_times
        on
            not measures.is_additive
            and summed.force_code = queue_times.force_code
            and measures.section = queue_times.section
            and summed.month_start = queue_times.month_start
            and queue_times.period = 'month'
    left join concurrency
        on
            not measures.is_additive
            and measures.section = 'live_chat'
            and summed.force_code = concurrency.force_code
            and summed.month_start = concurrency.month_start

),

final as (

    select
        force_code,
        measure,
        section,
        name,
        month_start,
        formula_measure,
        is_additive,
        cast(numerator as decimal(38, 6)) as numerator,
        cast(denominator as decimal(38, 6)) as denominator,
        cast(value_numerator as decimal(38, 6)) as value_numerator,
        cast(value_denominator as decimal(38, 6)) as value_denominator,
        {{ ratio("value_numerator", "value_denominator") }} as value,
        days_in_month,
        days_loaded,
        is_delivered,
        days_loaded < days_in_month as is_provisional,
        {{ ratio("days_loaded", "days_in_month", 100) }} as share_of_days_loaded,
        target
    from fractions

)

select * from final
