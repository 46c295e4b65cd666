{%- set parts = ["received", "answered", "answered_within_target", "queue_seconds_answered"] -%}
with
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent

counted_calls as (select * from {{ ref("int_call_threshold_monthly") }}),

deliveries as (select * from {{ ref("int_measure_delivery") }}),

parameters as (select * from {{ ref("call_parameters") }}),

dates as (select * from {{ ref("dim_date") }}),

lines as (

    select distinct line from parameters

),

thresholds as (

    {{ abandon_thresholds("parameters") }}
),

months as (

    select
        deliveries.force_code,
        lines.line,
        deliveries.month_start,
        deliveries.days_in_month,
        deliveries.days_loaded
    from deliveries
    cross join lines
    where deliveries.measure = 'calls_999.received'

),

days as (

    select
        months.force_code,
        months.line,
        months.month_start,
        dates.date_day
    from months
    inner join dates
        on months.month_start = dates.month_start

),

days_in_force as (
    {{- in_force(
        "days",
        columns=["force_code", "line", "month_start", "date_day"],
        day="date_day",
        list="parameters",
        key=["line"],
        values=["short_abandon_seconds"],
    ) }}
),

months_in_force as (

    select
        force_code,
        line,
        month_start,
        min(short_abandon_seconds) as least_seconds,
        max(short_abandon_seconds) as most_seconds,
        count(*) as days_in_force
    from days_in_force
    group by all

),

summed as (

    select
        months.force_code,
        months.line,
        months.month_start,
        thresholds.short_abandon_seconds,
        months.days_in_month,
        months.days_loaded,
        months_in_force.least_seconds = thresholds.short_abandon_seconds
        and months_in_force.most_seconds = thresholds.short_abandon_seconds
        and months_in_force.days_in_force = months.days_in_month as is_in_force,
        {%- for part in parts + ["short_abandons"] %}
        case when months.days_loaded > 0 then coalesce(counted_calls.{{ part }}, 0) end as {{ part }}
        {{- "," if not loop.last }}
        {%- endfor %}
    from months
    cross join thresholds
    left join months_in_force
        on
            months.force_code = months_in_force.force_code
            and months.line = months_in_force.line
            and months.month_start = months_in_force.month_start
    left join counted_calls
        on
            months.force_code = counted_calls.force_code
            and months.line = counted_calls.line
            and months.month_start = counted_calls.month_start
            and thresholds.short_abandon_seconds = counted_calls.short_abandon_seconds

),

counted as (

    select
        *,
        received - short_abandons as received_less_short_abandons,
        received - short_abandons - answered as not_answered
    from summed

),

-- In the catalogue, calls received exclude short abandons; here those of each threshold are subtracted.
ratios as (
    {{- catalogue_ratios(
        "counted",
        key=["force_code", "line", "month_start", "short_abandon_seconds"],
        parts=parts + ["not_answered"],
        ratios={
            "pct_not_answered": "pct_not_answered",
            "pct_answered_within_target": "pct_answered_within_target",
            "pct_received_within_target": "pct_received_within_target",
            "avg_queue_seconds": "avg_queue_time",
        },
        renamed={"received": "received_less_short_abandons"},
    ) }}
),

ratios_of_received as (
    {{- catalogue_ratios(
        "counted",
        key=["force_code", "line", "month_start", "short_abandon_seconds"],
        parts=parts + ["not_answered"],
        ratios={
            "pct_not_answered": "pct_not_answered",
            "pct_received_within_target": "pct_received_within_target",
        },
    ) }}
),

final as (

    select
        cast(counted.force_code as {{ dbt.type_string() }}) as force_code,
        cast(counted.line as {{ dbt.type_string() }}) as line,
        cast(counted.month_start as date) as month_start,
        cast(counted.short_abandon_seconds as decimal(18, 6)) as short_abandon_seconds,
        cast(coalesce(counted.is_in_force, false) as boolean) as is_in_force,
        cast(counted.received as bigint) as received,
        cast(counted.short_abandons as bigint) as short_abandons,
        cast(counted.received_less_short_abandons as bigint) as received_less_short_abandons,
        cast(counted.answered as bigint) as answered,
        cast(counted.not_answered as bigint) as not_answered,
        cast(ratios.pct_not_answered as decimal(38, 6)) as pct_not_answered,
        cast(ratios_of_received.pct_not_answered as decimal(38, 6)) as pct_not_answered_of_received,
        cast(counted.answered_within_target as bigint) as answered_within_target,
        cast(ratios.pct_answered_within_target as decimal(38, 6)) as pct_within_target_of_answered,
        cast(ratios_of_received.pct_received_within_target as decimal(38, 6)) as pct_within_target_of_received,
        cast(ratios.pct_received_within_target as decimal(38, 6))
            as pct_within_target_of_received_less_short_abandons,
        cast(ratios.avg_queue_seconds as decimal(38, 6)) as avg_queue_seconds,
        cast(counted.days_loaded < counted.days_in_month as boolean) as is_provisional,
        {{ ratio("counted.days_loaded", "counted.days_in_month", 100) }} as share_of_days_loaded
    from counted
    left join ratios
        on
            counted.force_code = ratios.force_code
            and counted.line = ratios.line
            and counted.month_start = ratios.month_start
            and counted.short_abandon_seconds = ratios.short_abandon_seconds
    left join ratios_of_received
        on
            counted.force_code = ratios_of_received.force_code
            and counted.line = ratios_of_received.line
            and counted.month_start = ratios_of_received.month_start
            and counted.short_abandon_seconds = ratios_of_received.short_abandon_seconds

)

select * from final
