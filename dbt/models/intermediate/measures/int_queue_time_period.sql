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

-- Calls of delivered months by queuing time. A month of calls shrinks to a few thousand rows, which each period then
-- adds up.
monthly_times as (

    select
        calls.force_code,
        calls.section,
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
        calls.month_start,
        calls.queue_seconds

),

period_times as (

    select
        monthly_times.force_code,
        monthly_times.section,
        periods.month_start,
        periods.period,
        monthly_times.queue_seconds,
        cast(sum(monthly_times.calls) as bigint) as calls
    from periods
    inner join monthly_times
        on monthly_times.month_start between periods.first_month and periods.last_month
    group by
        monthly_times.force_code,
        monthly_times.section,
        periods.month_start,
        periods.period,
        monthly_times.queue_seconds

),

final as (

    {{ queue_percentiles("period_times", ["force_code", "section", "month_start", "period"]) }}

)

select * from final
