with
-- The linter cannot follow the indentation of what macros give.
-- noqa: disable=layout.indent

counted_calls as (

    select * from {{ ref("int_call_threshold_monthly") }}

),

deliveries as (

    select * from {{ ref("int_measure_delivery") }}

),

parameters as (

    select * from {{ ref("call_parameters") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

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
    group by
        force_code,
        line,
        month_start

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
        {%- for part in ["received", "short_abandons", "answered", "answered_within_target", "queue_seconds_answered"] %}
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

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(line as {{ dbt.type_string() }}) as line,
        cast(month_start as date) as month_start,
        cast(short_abandon_seconds as decimal(18, 6)) as short_abandon_seconds,
        cast(coalesce(is_in_force, false) as boolean) as is_in_force,
        cast(received as bigint) as received,
        cast(short_abandons as bigint) as short_abandons,
        cast(received_less_short_abandons as bigint) as received_less_short_abandons,
        cast(answered as bigint) as answered,
        cast(not_answered as bigint) as not_answered,
        {{ ratio("not_answered", "received_less_short_abandons", 100) }} as pct_not_answered,
        {{ ratio("not_answered", "received", 100) }} as pct_not_answered_of_received,
        cast(answered_within_target as bigint) as answered_within_target,
        {{ ratio("answered_within_target", "answered", 100) }} as pct_within_target_of_answered,
        {{ ratio("answered_within_target", "received", 100) }} as pct_within_target_of_received,
        {{ ratio("answered_within_target", "received_less_short_abandons", 100) }}
            as pct_within_target_of_received_less_short_abandons,
        {{ ratio("queue_seconds_answered", "answered") }} as avg_queue_seconds,
        cast(days_loaded < days_in_month as boolean) as is_provisional,
        {{ ratio("days_loaded", "days_in_month", 100) }} as share_of_days_loaded
    from counted

)

select * from final
