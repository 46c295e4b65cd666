{#- Percentiles and maxima of all amounts, for each day, week and period. -#}
{%- set sources = ["call_segments", "live_chats"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

with

measures as (

    select
        measure,
        amount,
        case when method = 'max' then 100 else cast(substring(method, 2) as integer) end as percent
    from {{ ref("measure_catalogue") }}
    where amount <> ''

),

-- Measures of one amount need the same deliveries, so one of them tells which days count.
counted_by as (

    select
        amount,
        min(measure) as measure
    from measures
    group by amount

),

-- A changed month is compared with months of up to two years before.
day_values as (

    select
        *,
        {{ month_start("day") }} as month_start
    from (
        select * from {{ ref("int_call_amount_daily") }}
        union all
        select * from {{ ref("int_contact_amount_daily") }}
    ) as counted
    {%- if is_incremental() %}
    where day >= {{ date_plus(first_changed_month(sources), -24, "month") }}
    {%- endif %}

),

delivered_values as (

    select
        day_values.*,
        counted_by.measure
    from day_values
    inner join counted_by
        on day_values.amount = counted_by.amount
    inner join {{ ref("int_measure_delivery") }} as deliveries
        on
            counted_by.measure = deliveries.measure
            and day_values.force_code = deliveries.force_code
            and day_values.month_start = deliveries.month_start
    where deliveries.days_loaded > 0

),

month_values as (

    select
        force_code,
        amount,
        month_start,
        value,
        sum(events) as events
    from delivered_values
    group by all

),

spans as (

    select
        force_code,
        amount,
        'day' as period,
        month_start,
        day as first_day,
        value,
        events
    from day_values

    union all

    -- A week is of the month of its last day.
    select
        force_code,
        amount,
        'week' as period,
        {{ month_start(date_plus(week_start("day"), 6, "day")) }} as month_start,
        {{ week_start("day") }} as first_day,
        value,
        events
    from day_values

    union all

    select
        month_values.force_code,
        month_values.amount,
        periods.period,
        periods.month_start,
        periods.first_month as first_day,
        month_values.value,
        month_values.events
    from {{ ref("int_period") }} as periods
    inner join month_values
        on month_values.month_start between periods.first_month and periods.last_month

    union all

    select
        delivered_values.force_code,
        delivered_values.amount,
        periods.period,
        periods.month_start,
        periods.first_month as first_day,
        delivered_values.value,
        -delivered_values.events as events
    from {{ ref("int_uncompared_day") }} as uncompared_days
    inner join {{ ref("int_period") }} as periods
        on uncompared_days.month_start = periods.month_start and periods.period = 'prev_fytd'
    inner join delivered_values
        on
            uncompared_days.measure = delivered_values.measure
            and uncompared_days.force_code = delivered_values.force_code
            and uncompared_days.day = delivered_values.day

),

span_values as (

    select
        force_code,
        amount,
        period,
        month_start,
        first_day,
        value,
        sum(events) as events
    from spans
    {{ in_changed_months("where", "month_start", sources) }}
    group by all
    having sum(events) > 0

),

ranked as (
    {{- ranked_values("span_values", ["force_code", "amount", "period", "month_start", "first_day"]) }}

),

final as (

    select
        ranked.force_code,
        measures.measure,
        ranked.period,
        ranked.month_start,
        ranked.first_day,
        {{ percentile("measures.percent") }} as value
    from ranked
    -- Only the two events that a percentile lies between.
    inner join measures
        on
            ranked.amount = measures.amount
            and 100 * (ranked.events_up_to - ranked.events - 1) <= measures.percent * (ranked.events_in_all - 1)
            and 100 * ranked.events_up_to > measures.percent * (ranked.events_in_all - 1)
    group by all

)

select * from final
