{%- set sources = ["call_segments"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

with

queue_times_by_day as (select * from {{ ref("int_queue_time_count") }}),

queue_times as (select * from {{ ref("int_queue_time_monthly") }}),

source_months as (select * from {{ ref("int_source_month") }}),

periods as (

    select *
    from {{ ref("int_period") }}
    {{ in_changed_months("where", "month_start", sources) }}

),

uncompared_days as (

    select *
    from {{ ref("int_uncompared_day") }}
    {{ in_changed_months("where", "month_start", sources) }}

),

delivered_months as (

    select
        force_code,
        month_start
    from source_months
    where
        source = 'call_segments'
        and days_loaded > 0

),

-- The percentiles need only call_segments, so any measure of it shows which days are not compared.
counted as (

    select
        queue_times.force_code,
        queue_times.section,
        periods.month_start,
        periods.period,
        queue_times.queue_seconds,
        queue_times.calls
    from periods
    -- The few months first: comparing each queuing time with the ends of the periods takes a third longer.
    inner join delivered_months
        on delivered_months.month_start between periods.first_month and periods.last_month
    inner join queue_times
        on delivered_months.force_code = queue_times.force_code
        and delivered_months.month_start = queue_times.month_start

    union all

    select
        queue_times_by_day.force_code,
        queue_times_by_day.section,
        uncompared_days.month_start,
        'prev_fytd' as period,
        queue_times_by_day.queue_seconds,
        -queue_times_by_day.calls as calls
    from uncompared_days
    inner join queue_times_by_day
        on uncompared_days.force_code = queue_times_by_day.force_code
        and uncompared_days.day = queue_times_by_day.arrived_date
        and uncompared_days.measure = queue_times_by_day.section || '.median_queue_time'
    inner join delivered_months
        on queue_times_by_day.force_code = delivered_months.force_code
        and queue_times_by_day.month_start = delivered_months.month_start

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
    group by all
    having sum(calls) > 0

),

final as (

    {{ queue_percentiles("period_times", ["force_code", "section", "month_start", "period"]) }}

)

select * from final
