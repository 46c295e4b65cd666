{%- set sources = ["call_segments"] -%}
{%- set parts = [
    "received", "answered", "not_answered", "called_back", "queue_seconds_answered", "talk_seconds_answered",
    "answered_within_target",
] -%}
{{ config(
    materialized="incremental",
    meta={"archive": {"day": "month_start", "sources": sources}},
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
    post_hook="{{ keep_archived() }}",
) }}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

calls as (select * from {{ ref("int_call_outcome") }}),

source_days as (select * from {{ ref("int_source_day") }}),

gap_days as (select * from {{ ref("int_measure_gap_day") }}),

silent_days as (select * from {{ ref("int_measure_silent_day") }}),

changed_calls as (

    select
        calls.*,
        coalesce(source_days.is_loaded, false) and gap_days.day is null as is_of_loaded_day,
        coalesce(source_days.is_loaded, false)
        and gap_days.day is null
        and silent_days.day is null
        and calls.is_answered_by_operator as is_handled,
        case when silent_days.day is not null then 1 else 0 end as lacks_talk_time
    from calls
    left join source_days
        on
            source_days.source = 'call_segments'
            and calls.force_code = source_days.force_code
            and calls.arrived_date = source_days.day
    left join gap_days
        on
            'calls_' || calls.line || '.received' = gap_days.measure
            and calls.force_code = gap_days.force_code
            and calls.arrived_date = gap_days.day
    left join silent_days
        on
            'calls_' || calls.line || '.avg_talk_time' = silent_days.measure
            and calls.force_code = silent_days.force_code
            and calls.arrived_date = silent_days.day
    {{ in_changed_months("where", "calls.arrived_date", sources) }}

),

summed as (

    select
        force_code,
        line,
        month_start,
        day_of_week,
        hour_of_day,
        {%- for part in parts %}
        {%- if part == "talk_seconds_answered" %}
        case when max(lacks_talk_time) = 0 then sum({{ part }}) end as {{ part }},
        {%- else %}
        sum({{ part }}) as {{ part }},
        {%- endif %}
        {%- endfor %}
        count(case when is_of_loaded_day then 1 end) as received_of_loaded_days,
        count(case when is_handled then 1 end) as handled_of_loaded_days,
        sum(case when is_handled then talk_seconds_answered else 0 end) as talk_seconds_of_loaded_days
    from changed_calls
    group by all

),

queue_times as (

    select
        force_code,
        line,
        month_start,
        day_of_week,
        hour_of_day,
        queue_seconds as value,
        count(*) as events
    from changed_calls
    where answered = 1 and queue_seconds is not null
    group by all

),

ranked as (
    {{- ranked_values("queue_times", ["force_code", "line", "month_start", "day_of_week", "hour_of_day"]) }}
),

percentiles as (

    select
        force_code,
        line,
        month_start,
        day_of_week,
        hour_of_day,
        {{ percentile(50) }} as median_queue_seconds,
        {{ percentile(90) }} as p90_queue_seconds
    from ranked
    group by all

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
        cast(summed.received_of_loaded_days as bigint) as received_of_loaded_days,
        cast(summed.handled_of_loaded_days as bigint) as handled_of_loaded_days,
        cast(summed.talk_seconds_of_loaded_days as decimal(38, 6)) as talk_seconds_of_loaded_days,
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
