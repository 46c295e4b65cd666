-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

measure_months as (select * from {{ ref("int_measure_monthly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

measure_parts as (select * from {{ ref("measure_parts") }}),

part_days as (select * from {{ ref("int_part_daily") }}),

periods as (select * from {{ ref("int_period") }}),

queue_times as (select * from {{ ref("int_queue_time_period") }}),

concurrency as (select * from {{ ref("int_chat_concurrency_daily") }}),

unloaded_days as (select * from {{ ref("int_measure_unloaded_day") }}),

uncompared_days as (select * from {{ ref("int_uncompared_day") }}),

silent_periods as (select * from {{ ref("int_measure_silent_period") }}),

summed as (

    select
        shown.force_code,
        shown.measure,
        shown.month_start,
        periods.period,
        periods.months,
        periods.days,
        sum(counted.numerator) as numerator,
        sum(counted.denominator) as denominator,
        max(counted.value) as greatest_value,
        sum(case when counted.is_delivered then 1 else 0 end) as months_delivered,
        -- A period of this year uses the month with which it is shown, a period of last year the month a year earlier.
        max(
            case
                when counted.is_delivered
                    and counted.month_start = case
                        when periods.period in ('prev_fytd', 'same_month_last_year') then periods.last_month
                        else shown.month_start
                    end
                    then 1
                when shown.is_delivered and periods.period = 'previous_6_months' then 1
                else 0
            end
        ) = 1 as is_anchored
    from measure_months as shown
    inner join periods
        on shown.month_start = periods.month_start
    left join measure_months as counted
        on
            shown.force_code = counted.force_code
            and shown.measure = counted.measure
            and counted.month_start between periods.first_month and periods.last_month
    group by all

),

unloaded_months as (

    select
        force_code,
        measure,
        {{ month_start("day") }} as month_start,
        count(*) as days
    from unloaded_days
    group by all

),

unloaded_spans as (

    select
        unloaded_months.force_code,
        unloaded_months.measure,
        periods.month_start,
        periods.period,
        sum(unloaded_months.days) as days
    from periods
    inner join unloaded_months
        on unloaded_months.month_start between periods.first_month and periods.last_month
    group by all

),

-- Sums of the days of last year that are excluded from the comparison with a partial year to date.
uncompared_sums as (

    select
        counted.force_code,
        uncompared_days.measure,
        uncompared_days.month_start,
        {{ sums_of_parts("part_days.amount") }}
    from uncompared_days
    inner join measure_months as counted
        on
            uncompared_days.force_code = counted.force_code
            and uncompared_days.measure = counted.measure
            and {{ month_start("uncompared_days.day") }} = counted.month_start
            and counted.is_delivered
    inner join measure_parts
        on counted.formula_measure = measure_parts.measure
    inner join part_days
        on
            counted.force_code = part_days.force_code
            and uncompared_days.day = part_days.day
            and measure_parts.part = part_days.part
    group by all

),

uncompared_spans as (

    select
        uncompared_days.force_code,
        uncompared_days.measure,
        uncompared_days.month_start,
        count(*) as days,
        sum(case when unloaded_days.day is null then 1 else 0 end) as days_loaded
    from uncompared_days
    left join unloaded_days
        on
            uncompared_days.force_code = unloaded_days.force_code
            and uncompared_days.measure = unloaded_days.measure
            and uncompared_days.day = unloaded_days.day
    group by all

),

-- The most chats at once on the days that are compared; every other period takes the greatest of its months.
compared_concurrency as (

    select
        concurrency.force_code,
        periods.month_start,
        max(concurrency.concurrent_chats) as max_concurrent_chats
    from periods
    inner join concurrency
        on
            periods.first_month <= concurrency.day
            and {{ date_plus("periods.last_month", 1, "month") }} > concurrency.day
    inner join measure_months
        on
            measure_months.measure = 'live_chat.max_concurrent_chats'
            and concurrency.force_code = measure_months.force_code
            and {{ month_start("concurrency.day") }} = measure_months.month_start
            and measure_months.is_delivered
    left join uncompared_days
        on
            uncompared_days.measure = 'live_chat.max_concurrent_chats'
            and concurrency.force_code = uncompared_days.force_code
            and periods.month_start = uncompared_days.month_start
            and concurrency.day = uncompared_days.day
    where periods.period = 'prev_fytd' and uncompared_days.day is null
    group by all

),

-- The year to date uses its delivered months; every other period is known only when all its months are.
known as (

    select
        summed.force_code,
        summed.measure,
        summed.month_start,
        summed.period,
        summed.months,
        summed.months_delivered,
        summed.is_anchored
        and summed.days > coalesce(uncompared_spans.days, 0)
        and (summed.period in ('fytd', 'prev_fytd') or summed.months_delivered = summed.months) as is_known,
        summed.numerator - coalesce(uncompared_sums.numerator, 0) as numerator,
        summed.denominator - coalesce(uncompared_sums.denominator, 0) as denominator,
        case
            when summed.period = 'prev_fytd' then coalesce(compared_concurrency.max_concurrent_chats, 0)
            else summed.greatest_value
        end as greatest_value,
        summed.days - coalesce(uncompared_spans.days, 0) as days,
        summed.days - coalesce(unloaded_spans.days, 0) - coalesce(uncompared_spans.days_loaded, 0) as days_loaded
    from summed
    left join unloaded_spans
        on
            summed.force_code = unloaded_spans.force_code
            and summed.measure = unloaded_spans.measure
            and summed.month_start = unloaded_spans.month_start
            and summed.period = unloaded_spans.period
    left join uncompared_sums
        on
            summed.period = 'prev_fytd'
            and summed.force_code = uncompared_sums.force_code
            and summed.measure = uncompared_sums.measure
            and summed.month_start = uncompared_sums.month_start
    left join uncompared_spans
        on
            summed.period = 'prev_fytd'
            and summed.force_code = uncompared_spans.force_code
            and summed.measure = uncompared_spans.measure
            and summed.month_start = uncompared_spans.month_start
    left join compared_concurrency
        on
            summed.period = 'prev_fytd'
            and summed.measure = 'live_chat.max_concurrent_chats'
            and summed.force_code = compared_concurrency.force_code
            and summed.month_start = compared_concurrency.month_start

),

fractions as (

    select
        known.force_code,
        known.measure,
        known.month_start,
        known.period,
        known.months,
        known.months_delivered,
        known.days,
        known.days_loaded,
        known.is_known,
        known.days_loaded < known.days or known.days = 0 as is_provisional,
        {{ is_sum() }} as is_sum,
        case when known.is_known then known.numerator end as numerator,
        case when known.is_known then known.denominator end as denominator,
        case
            when not known.is_known then null
            when silent_periods.measure is not null and not ({{ is_sum() }}) then null
            when measures.is_additive then {{ figure_numerator("known") }}
            when measures.name = 'median_queue_time' then queue_times.median_queue_seconds
            when measures.name = 'p90_queue_time' then queue_times.p90_queue_seconds
            when measures.name = 'max_queue_time' then queue_times.max_queue_seconds
            when measures.name = 'max_concurrent_chats' then known.greatest_value
        end as value_numerator,
        case
            when measures.is_additive then {{ figure_denominator("known") }}
            else 1
        end as value_denominator
    from known
    inner join measures
        on known.measure = measures.measure
    left join silent_periods
        on
            known.force_code = silent_periods.force_code
            and known.measure = silent_periods.measure
            and known.month_start = silent_periods.month_start
            and known.period = silent_periods.period
    left join queue_times
        on not measures.is_additive
        and known.force_code = queue_times.force_code
        and measures.section = queue_times.section
        and known.month_start = queue_times.month_start
        and known.period = queue_times.period

),

final as (

    select
        force_code,
        measure,
        month_start,
        period,
        months,
        cast(months_delivered as bigint) as months_delivered,
        cast(days as bigint) as days,
        cast(days_loaded as bigint) as days_loaded,
        is_known,
        is_provisional,
        {{ ratio("days_loaded", "days", 100) }} as share_of_days_loaded,
        cast(numerator as decimal(38, 6)) as numerator,
        cast(denominator as decimal(38, 6)) as denominator,
        cast(value_numerator as decimal(38, 6)) as value_numerator,
        cast(value_denominator as decimal(38, 6)) as value_denominator,
        {{ ratio("value_numerator", "value_denominator") }} as value,
        case
            when is_sum then {{ ratio("value_numerator", "value_denominator * months") }}
        end as mean_per_month,
        case
            when is_sum then {{ ratio("value_numerator", "value_denominator * days") }}
        end as mean_per_day
    from fractions

)

select * from final
