{%- set sources = ["call_segments"] -%}
{{ config(
    materialized="incremental_in_place",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

with

calls as (select * from {{ ref("int_call_outcome") }}),

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
        calls.force_code,
        calls.section,
        uncompared_days.month_start,
        'prev_fytd' as period,
        calls.queue_seconds,
        -1 as calls
    from uncompared_days
    inner join calls
        on uncompared_days.force_code = calls.force_code
        and uncompared_days.day = calls.arrived_date
        and uncompared_days.measure = calls.section || '.median_queue_time'
    inner join delivered_months
        on calls.force_code = delivered_months.force_code
        and calls.month_start = delivered_months.month_start
    where
        calls.answered = 1
        and calls.queue_seconds is not null

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
