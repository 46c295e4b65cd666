{#- All that the tables of calls show, in one pass over the calls. Days and months have neither weekday nor hour (0): a
    median cannot be computed from those of shorter spans. -#}
{%- set sources = ["call_segments"] -%}
{%- set parts = [
    "received", "answered", "not_answered", "called_back", "called_back_same_day", "queue_seconds_answered",
    "queue_seconds_all", "with_queue_time", "talk_seconds_answered", "answered_within_target",
] -%}
{%- set key = ["force_code", "line", "span", "first_day", "day_of_week", "hour_of_day"] -%}
{%- set in_spans -%}
        force_code,
        line,
        spans.span,
        case when spans.span = 'day' then arrived_date else month_start end as first_day,
        case when spans.span = 'hour' then day_of_week else 0 end as day_of_week,
        case when spans.span = 'hour' then hour_of_day else 0 end as hour_of_day
{%- endset -%}
{{ config(
    materialized="incremental",
    meta={"archive": {"day": "first_day", "sources": sources}},
    pre_hook="{{ delete_changed_months('first_day', " ~ sources ~ ") }}",
    post_hook="{{ keep_archived() }}",
) }}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

calls as (

    select *
    from {{ ref("int_call_judged") }}
    where not is_short_abandon {{ in_changed_months("and", "arrived_date", sources) }}

),

source_days as (

    select *
    from {{ ref("int_source_day") }}
    where source = 'call_segments' and is_loaded

),

spans as (

    select spans.span
    from (values ('day'), ('month'), ('hour')) as spans (span)

),

judged as (

    select
        calls.*,
        source_days.day is not null and not {{ lacks("members", "calls.line") }} as is_of_loaded_day,
        {{ lacks("columns", "'talk_seconds'") }} as lacks_talk_time
    from calls
    left join source_days
        on calls.force_code = source_days.force_code
        and calls.arrived_date = source_days.day

),

summed as (

    select
{{ in_spans }},
        {%- for part in parts %}
        cast(sum({{ part }}) as decimal(38, 6)) as {{ part }},
        {%- endfor %}
        max(case when judged.lacks_talk_time then 1 else 0 end) = 1 as lacks_talk_time,
        count(case when judged.is_of_loaded_day then 1 end) as received_of_loaded_days,
        count(case when judged.is_of_loaded_day and not judged.lacks_talk_time and judged.is_answered_by_operator then 1 end)
            as handled_of_loaded_days,
        cast(
            sum(
                case
                    when judged.is_of_loaded_day and not judged.lacks_talk_time and judged.is_answered_by_operator
                        then judged.talk_seconds_answered
                    else 0
                end
            ) as decimal(38, 6)
        ) as talk_seconds_of_loaded_days
    from judged
    cross join spans
    group by all

),

queue_times as (

    select
{{ in_spans }},
        judged.queue_seconds as value,
        count(*) as events
    from judged
    cross join spans
    where judged.answered = 1 and judged.queue_seconds is not null
    group by all

),

ranked as (
    {{- ranked_values("queue_times", key) }}
),

percentiles as (

    select
        {{ key | join(",\n        ") }},
        {{ percentile(50) }} as median_queue_seconds,
        {{ percentile(90) }} as p90_queue_seconds,
        {{ percentile(100) }} as max_queue_seconds
    from ranked
    group by all

)

select
    summed.*,
    percentiles.median_queue_seconds,
    percentiles.p90_queue_seconds,
    percentiles.max_queue_seconds
from summed
left join percentiles
    on {{ same_columns("summed", "percentiles", key) }}
