{%- set sources = ["call_segments"] -%}
{%- set parts = [
    "received", "answered", "not_answered", "called_back", "queue_seconds_answered", "talk_seconds_answered",
    "answered_within_target",
] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ forget_months('month_start', " ~ sources ~ ") }}",
) }}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

calls as (

    select * from {{ ref("int_call_outcome") }}

),

touched_calls as (

    select *
    from calls
    {{ in_touched_months("where", "arrived_date", sources) }}

),

summed as (

    select
        force_code,
        line,
        month_start,
        day_of_week,
        hour_of_day,
        {%- for part in parts %}
        sum({{ part }}) as {{ part }}{{ "," if not loop.last }}
        {%- endfor %}
    from touched_calls
    group by
        force_code,
        line,
        month_start,
        day_of_week,
        hour_of_day

),

queue_times as (

    select
        force_code,
        line,
        month_start,
        day_of_week,
        hour_of_day,
        queue_seconds,
        count(*) as calls
    from touched_calls
    where answered = 1
    group by
        force_code,
        line,
        month_start,
        day_of_week,
        hour_of_day,
        queue_seconds

),

percentiles as (

    {{ queue_percentiles("queue_times", ["force_code", "line", "month_start", "day_of_week", "hour_of_day"]) }}

),

final as (

    select
        summed.force_code,
        summed.line,
        summed.month_start,
        summed.day_of_week,
        summed.hour_of_day,
        {%- for part in parts %}
        cast(summed.{{ part }} as decimal(38, 6)) as {{ part }},
        {%- endfor %}
        percentiles.median_queue_seconds,
        percentiles.p90_queue_seconds
    from summed
    left join percentiles
        on
            summed.force_code = percentiles.force_code
            and summed.line = percentiles.line
            and summed.month_start = percentiles.month_start
            and summed.day_of_week = percentiles.day_of_week
            and summed.hour_of_day = percentiles.hour_of_day

)

select * from final
