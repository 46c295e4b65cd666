{%- set sources = ["call_segments"] -%}
{%- set handle_seconds = "(talk_seconds + handled * after_call_seconds)" -%}
{%- set load_columns = ["offered_erlangs", "avg_handle_seconds", "answer_target_seconds", "service_level_target_pct"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

with
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent

sums as (

    select *
    from {{ ref("int_call_sum") }}
    where span = 'hour'

),

source_days as (

    select *
    from {{ ref("int_source_day") }}
    where source = 'call_segments' and is_loaded

),

parameters as (select * from {{ ref("call_parameters") }}),

lines as (select distinct line from parameters),

hours as (
    {{- hours_of_week() }}
),

months as (

    select
        deliveries.*,
        lines.line
    from {{ ref("int_measure_delivery") }} as deliveries
    cross join lines
    where
        deliveries.measure = 'calls_999.received'
        and deliveries.days_loaded > 0
        {{ in_changed_months("and", "deliveries.month_start", sources) }}

),

parameters_in_force as (
    {{- in_force(
        "months",
        columns=["force_code", "line", "month_start", "is_provisional", "share_of_days_loaded"],
        day="month_start",
        list="parameters",
        key=["line"],
        values=["answer_target_seconds", "staffing_service_level_pct", "after_call_seconds"],
    ) }}
),

weekdays as (

    select
        source_days.force_code,
        lines.line,
        {{ month_start("source_days.day") }} as month_start,
        {{ day_of_week("source_days.day") }} as day_of_week,
        cast(count(*) as bigint) as days
    from source_days
    cross join lines
    where not {{ lacks("members", "lines.line") }}
    group by all

),

-- Calls of counted days only: calls of a missing day from other deliveries would be calls without a day. Where no call of
-- the cell was answered, the mean of the line's whole month is used for the length of a call.
cells as (

    select
        parameters_in_force.*,
        hours.day_of_week,
        hours.hour_of_day,
        coalesce(weekdays.days, 0) as days,
        case when weekdays.days is not null then coalesce(sums.received_of_loaded_days, 0) end as received,
        coalesce(nullif(sums.handled_of_loaded_days, 0), sum(sums.handled_of_loaded_days) over of_month) as handled,
        case
            when sums.handled_of_loaded_days > 0 then sums.talk_seconds_of_loaded_days
            else sum(sums.talk_seconds_of_loaded_days) over of_month
        end as talk_seconds
    from parameters_in_force
    cross join hours
    left join weekdays
        on {{ same_columns("parameters_in_force", "weekdays", ["force_code", "line", "month_start"]) }}
        and hours.day_of_week = weekdays.day_of_week
    left join sums
        on {{ same_columns("parameters_in_force", "sums", ["force_code", "line"]) }}
        and parameters_in_force.month_start = sums.first_day
        and {{ same_columns("hours", "sums", ["day_of_week", "hour_of_day"]) }}
    window of_month as (
        partition by parameters_in_force.force_code, parameters_in_force.line, parameters_in_force.month_start
    )

),

-- The load is computed from the sums, not from the two rounded means.
loads as (

    select
        *,
        {{ ratio("received", "days") }} as calls_per_hour,
        case when received > 0 then {{ ratio(handle_seconds, "handled") }} end as avg_handle_seconds,
        case
            when received = 0 then cast(0 as decimal(38, 6))
            else {{ ratio("received * " ~ handle_seconds, "3600 * days * handled") }}
        end as offered_erlangs,
        cast(staffing_service_level_pct as decimal(38, 6)) as service_level_target_pct
    from cells

),

distinct_loads as (

    select distinct {{ load_columns | join(", ") }}
    from loads
    where received > 0

),

-- The fewest operators have the lowest service level and the longest wait of those that are enough.
enough as (

    select
        {{ load_columns | join(", ") }},
        min(operators) as operators,
        min(service_level_pct) as service_level_pct,
        max(wait_seconds) as wait_seconds
    from (
        {{- erlang_c("distinct_loads") }}
    ) as queues
    where service_level_pct >= service_level_target_pct
    group by all

)

select
    loads.force_code,
    loads.line,
    loads.month_start,
    cast(loads.day_of_week as bigint) as day_of_week,
    cast(loads.hour_of_day as bigint) as hour_of_day,
    loads.days,
    cast(loads.received as bigint) as received,
    loads.calls_per_hour,
    loads.avg_handle_seconds,
    loads.offered_erlangs,
    cast(loads.answer_target_seconds as decimal(18, 6)) as answer_target_seconds,
    loads.service_level_target_pct,
    case when loads.received = 0 then 0 else enough.operators end as operators_required,
    enough.service_level_pct as expected_service_level_pct,
    enough.wait_seconds as expected_wait_seconds,
    {{ ratio("loads.offered_erlangs", "enough.operators", 100) }} as occupancy_pct,
    loads.is_provisional,
    loads.share_of_days_loaded
from loads
left join enough
    on {{ same_columns("loads", "enough", load_columns) }}
