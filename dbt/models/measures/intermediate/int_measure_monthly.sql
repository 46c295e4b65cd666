-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

measures as (select * from {{ ref("measure_catalogue") }}),

deliveries as (select * from {{ ref("int_measure_delivery") }}),

silent_periods as (select * from {{ ref("int_measure_silent_period") }}),

queue_times as (select * from {{ ref("int_queue_time_period") }}),

concurrency as (

    select
        force_code,
        {{ month_start("day") }} as month_start,
        max(concurrent_chats) as max_concurrent_chats
    from {{ ref("int_chat_concurrency_daily") }}
    group by all

),

-- A month uses the formula and the target of its first day.
summed as (
    {{- measure_sums("deliveries", "month_start") }}
),

-- Numerator and denominator of a figure, with the scale of its unit: a sum is divided by 1, a figure that does not add
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
        summed.numerator,
        summed.denominator,
        case
            when summed.days_loaded = 0 then null
            when silent_periods.measure is not null and not ({{ is_sum() }}) then null
            when measures.is_additive then {{ figure_numerator("summed") }}
            when measures.name = 'median_queue_time' then queue_times.median_queue_seconds
            when measures.name = 'p90_queue_time' then queue_times.p90_queue_seconds
            when measures.name = 'max_queue_time' then queue_times.max_queue_seconds
            when measures.name = 'max_concurrent_chats' then coalesce(concurrency.max_concurrent_chats, 0)
        end as value_numerator,
        case
            when measures.is_additive then {{ figure_denominator("summed") }}
            else 1
        end as value_denominator,
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
