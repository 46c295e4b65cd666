{%- set sources = ["call_segments"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

with
-- The linter cannot follow the indentation of a condition that a night adds.
-- noqa: disable=layout.indent

sums as (

    select *
    from {{ ref("int_call_sum") }}
    where span = 'hour'

),

months as (

    select *
    from {{ ref("int_measure_delivery") }}
    where
        measure = 'calls_999.received'
        and days_loaded > 0
        {{ in_changed_months("and", "month_start", sources) }}

),

lines as (select distinct line from {{ ref("call_parameters") }}),

hours as (
    {{- hours_of_week() }}
)

select
    months.force_code,
    lines.line,
    months.month_start,
    cast(hours.day_of_week as bigint) as day_of_week,
    cast(hours.hour_of_day as bigint) as hour_of_day,
    {{- call_figures("0") }},
    months.is_provisional,
    months.share_of_days_loaded
from months
cross join lines
cross join hours
left join sums
    on months.force_code = sums.force_code
    and lines.line = sums.line
    and months.month_start = sums.first_day
    and {{ same_columns("hours", "sums", ["day_of_week", "hour_of_day"]) }}
