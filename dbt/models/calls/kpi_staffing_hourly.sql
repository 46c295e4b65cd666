{%- set sources = ["call_segments"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

with
-- The linter cannot follow the indentation of a macro's query, nor the lambdas of Erlang's formulas.
-- noqa: disable=layout.indent,PRS

call_hours as (select * from {{ ref("int_call_hourly") }}),

deliveries as (select * from {{ ref("int_measure_delivery") }}),

source_days as (select * from {{ ref("int_source_day") }}),

gap_days as (select * from {{ ref("int_measure_gap_day") }}),

dates as (select * from {{ ref("dim_date") }}),

parameters as (select * from {{ ref("call_parameters") }}),

hours as (select * from {{ ref("int_hour_of_week") }}),

lines as (

    select distinct line from parameters

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
    where
        deliveries.measure = 'calls_999.received'
        and deliveries.days_loaded > 0
        {{ in_changed_months("and", "deliveries.month_start", sources) }}

),

parameters_in_force as (
    {{- in_force(
        "months",
        columns=["force_code", "line", "month_start"],
        day="month_start",
        list="parameters",
        key=["line"],
        values=["answer_target_seconds", "staffing_service_level_pct", "after_call_seconds"],
    ) }}
),

loaded_days as (

    select
        source_days.force_code,
        lines.line,
        dates.date_day,
        dates.month_start,
        dates.day_of_week
    from source_days
    inner join dates
        on source_days.day = dates.date_day
    cross join lines
    left join gap_days
        on
            'calls_' || lines.line || '.received' = gap_days.measure
            and source_days.force_code = gap_days.force_code
            and source_days.day = gap_days.day
    where
        source_days.source = 'call_segments'
        and source_days.is_loaded
        and gap_days.day is null

),

weekdays as (

    select
        force_code,
        line,
        month_start,
        day_of_week,
        cast(count(*) as bigint) as days
    from loaded_days
    group by all

),

-- Calls of counted days only: calls of a missing day from other deliveries would be calls without a day.
grouped as (

    select
        force_code,
        line,
        month_start,
        day_of_week,
        hour_of_day,
        received_of_loaded_days as received,
        handled_of_loaded_days as handled,
        talk_seconds_of_loaded_days as talk_seconds
    from call_hours
    where received_of_loaded_days > 0

),

month_sums as (

    select
        force_code,
        line,
        month_start,
        sum(handled) as handled,
        sum(talk_seconds) as talk_seconds
    from grouped
    group by all

),

-- Where no call of the cell was answered, the mean of the line's whole month is used for the length of a call.
cells as (

    select
        months.force_code,
        months.line,
        months.month_start,
        hours.day_of_week,
        hours.hour_of_day,
        months.days_in_month,
        months.days_loaded,
        coalesce(weekdays.days, 0) as days,
        case when weekdays.days is not null then coalesce(grouped.received, 0) end as received,
        case when grouped.handled > 0 then grouped.handled else month_sums.handled end as handled,
        case when grouped.handled > 0 then grouped.talk_seconds else month_sums.talk_seconds end as talk_seconds,
        parameters_in_force.answer_target_seconds,
        parameters_in_force.staffing_service_level_pct,
        parameters_in_force.after_call_seconds
    from months
    cross join hours
    left join weekdays
        on
            months.force_code = weekdays.force_code
            and months.line = weekdays.line
            and months.month_start = weekdays.month_start
            and hours.day_of_week = weekdays.day_of_week
    left join grouped
        on
            months.force_code = grouped.force_code
            and months.line = grouped.line
            and months.month_start = grouped.month_start
            and hours.day_of_week = grouped.day_of_week
            and hours.hour_of_day = grouped.hour_of_day
    left join month_sums
        on
            months.force_code = month_sums.force_code
            and months.line = month_sums.line
            and months.month_start = month_sums.month_start
    left join parameters_in_force
        on
            months.force_code = parameters_in_force.force_code
            and months.line = parameters_in_force.line
            and months.month_start = parameters_in_force.month_start

),

handled_cells as (

    select
        *,
        case when received > 0 then talk_seconds + handled * after_call_seconds end as handle_seconds
    from cells

),

-- The load is computed from the sums, not from the two rounded means.
loads as (

    select
        *,
        {{ ratio("received", "days") }} as calls_per_hour,
        {{ ratio("handle_seconds", "handled") }} as avg_handle_seconds,
        case
            when received = 0 then cast(0 as decimal(38, 6))
            else {{ ratio("received * handle_seconds", "3600 * days * handled") }}
        end as offered_erlangs
    from handled_cells

),

staffed as (

    select
        *,
        case
            when received = 0 then 0
            else {{ least_operators(
                "offered_erlangs",
                "avg_handle_seconds",
                "answer_target_seconds",
                "staffing_service_level_pct",
            ) }}
        end as operators_required
    from loads

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(line as {{ dbt.type_string() }}) as line,
        cast(month_start as date) as month_start,
        cast(day_of_week as bigint) as day_of_week,
        cast(hour_of_day as bigint) as hour_of_day,
        cast(days as bigint) as days,
        cast(received as bigint) as received,
        cast(calls_per_hour as decimal(38, 6)) as calls_per_hour,
        cast(avg_handle_seconds as decimal(38, 6)) as avg_handle_seconds,
        cast(offered_erlangs as decimal(38, 6)) as offered_erlangs,
        cast(answer_target_seconds as decimal(18, 6)) as answer_target_seconds,
        cast(staffing_service_level_pct as decimal(38, 6)) as service_level_target_pct,
        cast(operators_required as bigint) as operators_required,
        cast(
            case
                when received > 0 then {{ erlang_c_service_level_pct(
                    "operators_required",
                    "offered_erlangs",
                    "avg_handle_seconds",
                    "answer_target_seconds",
                ) }}
            end as decimal(38, 6)
        ) as expected_service_level_pct,
        cast(
            case
                when received > 0
                    then {{ erlang_c_wait_seconds("operators_required", "offered_erlangs", "avg_handle_seconds") }}
            end as decimal(38, 6)
        ) as expected_wait_seconds,
        {{ ratio("offered_erlangs", "operators_required", 100) }} as occupancy_pct,
        cast(days_loaded < days_in_month as boolean) as is_provisional,
        {{ ratio("days_loaded", "days_in_month", 100) }} as share_of_days_loaded
    from staffed

)

select * from final
