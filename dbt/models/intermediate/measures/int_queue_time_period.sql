with

calls as (

    select * from {{ ref("int_call_outcome") }}

),

source_months as (

    select * from {{ ref("int_source_month") }}

),

periods as (

    select * from {{ ref("int_period") }}

),

uncompared_days as (

    select * from {{ ref("int_uncompared_day") }}

),

-- Calls of delivered months by queuing time. A month of calls shrinks to a few thousand rows, which each period then
-- adds up.
daily_times as (

    select
        calls.force_code,
        calls.section,
        calls.arrived_date,
        calls.month_start,
        calls.queue_seconds,
        cast(count(*) as bigint) as calls
    from calls
    inner join source_months
        on calls.month_start = source_months.month_start
    where
        calls.answered = 1
        and source_months.source = 'call_segments'
        and source_months.days_loaded > 0
    group by
        calls.force_code,
        calls.section,
        calls.arrived_date,
        calls.month_start,
        calls.queue_seconds

),

monthly_times as (

    select
        force_code,
        section,
        month_start,
        queue_seconds,
        cast(sum(calls) as bigint) as calls
    from daily_times
    group by
        force_code,
        section,
        month_start,
        queue_seconds

),

-- The percentiles need call_segments alone, so any measure of them tells which days are not compared.
counted as (

    select
        monthly_times.force_code,
        monthly_times.section,
        periods.month_start,
        periods.period,
        monthly_times.queue_seconds,
        monthly_times.calls
    from periods
    inner join monthly_times
        on monthly_times.month_start between periods.first_month and periods.last_month

    union all

    select
        daily_times.force_code,
        daily_times.section,
        uncompared_days.month_start,
        'prev_fytd' as period,
        daily_times.queue_seconds,
        -daily_times.calls as calls
    from uncompared_days
    inner join daily_times
        on uncompared_days.day = daily_times.arrived_date
        and uncompared_days.measure = concat(daily_times.section, '.median_queue_time')

),

period_times as (

    select
        force_code,
        section,
        month_start,
        period,
        queue_seconds,
        cast(sum(calls) as bigint) as calls
    from counted
    group by
        force_code,
        section,
        month_start,
        period,
        queue_seconds
    having sum(calls) > 0

),

final as (

    {{ queue_percentiles("period_times", ["force_code", "section", "month_start", "period"]) }}

)

select * from final
