{%- set sources = ["call_segments"] -%}
{%- set shown, divided = call_counts(), call_totals() -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

grouped as (select * from {{ ref("int_call_hourly") }}),

deliveries as (select * from {{ ref("int_measure_delivery") }}),

lines as (select distinct line from {{ ref("call_parameters") }}),

hours as (select * from {{ ref("int_hour_of_week") }}),

cells as (

    select
        deliveries.force_code,
        lines.line,
        deliveries.month_start,
        hours.day_of_week,
        hours.hour_of_day,
        deliveries.days_in_month,
        deliveries.days_loaded
    from deliveries
    cross join lines
    cross join hours
    where
        deliveries.measure = 'calls_999.received'
        and deliveries.days_loaded > 0
        {{ in_changed_months("and", "deliveries.month_start", sources) }}

),

summed as (

    select
        cells.*,
        {%- for part in shown %}
        coalesce(grouped.{{ part }}, 0) as {{ part }},
        {%- endfor %}
        {%- for part in divided %}
        grouped.{{ part }},
        {%- endfor %}
        grouped.median_queue_seconds,
        grouped.p90_queue_seconds
    from cells
    left join grouped
        on
            cells.force_code = grouped.force_code
            and cells.line = grouped.line
            and cells.month_start = grouped.month_start
            and cells.day_of_week = grouped.day_of_week
            and cells.hour_of_day = grouped.hour_of_day

),

final as (

    select
        cast(summed.force_code as {{ dbt.type_string() }}) as force_code,
        cast(summed.line as {{ dbt.type_string() }}) as line,
        cast(summed.month_start as date) as month_start,
        cast(summed.day_of_week as bigint) as day_of_week,
        cast(summed.hour_of_day as bigint) as hour_of_day,
        {{ call_columns("summed", "summed") }},
        cast(summed.days_loaded < summed.days_in_month as boolean) as is_provisional,
        {{ ratio("summed.days_loaded", "summed.days_in_month", 100) }} as share_of_days_loaded
    from summed

)

select * from final
