{%- set column_of_measure = {
    "pct_not_answered": "pct_not_answered",
    "avg_queue_time": "avg_queue_seconds",
    "avg_talk_time": "avg_talk_seconds",
    "pct_answered_within_target": "pct_answered_within_target",
    "median_queue_time": "median_queue_seconds",
    "p90_queue_time": "p90_queue_seconds",
} -%}
with

call_days as (

    select
        *,
        {{ month_start("date_day") }} as month_start,
        count(*) over (partition by force_code, line, {{ month_start("date_day") }}) as days_loaded
    from {{ ref("kpi_calls_daily") }}
    where not is_provisional

),

targets as (select * from {{ ref("measure_targets") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

figure_days as (

    select
        call_days.force_code,
        measures.measure,
        measures.better,
        call_days.month_start,
        call_days.days_loaded,
        call_days.date_day,
        case measures.name
            {%- for name, column in column_of_measure.items() %}
            when '{{ name }}' then call_days.{{ column }}
            {%- endfor %}
        end as value
    from call_days
    inner join measures
        on 'calls_' || call_days.line = measures.section
    where measures.better <> 'neither'

),

-- A month uses the target of its first day.
with_targets as (
    {{- in_force(
        "figure_days",
        columns=["force_code", "measure", "better", "month_start", "days_loaded", "date_day", "value"],
        day="month_start",
        list="targets",
        key=["measure"],
        values=["target"],
    ) }}
),

judged as (

    select
        *,
        {{ is_target_met("value", "target") }} as is_target_met,
        case when better = 'lower' then max(value) over of_month else min(value) over of_month end as worst_value,
        {{ days_between("month_start", date_plus("month_start", 1, "month")) }} as days_in_month
    from with_targets
    where value is not null
    window of_month as (partition by force_code, measure, month_start)

)

select
    force_code,
    measure,
    month_start,
    cast(target as decimal(38, 6)) as target,
    cast(count(*) as bigint) as days,
    cast(count(case when not is_target_met then 1 end) as bigint) as days_missed,
    min(case when value = worst_value then date_day end) as worst_day,
    worst_value,
    days_loaded < days_in_month as is_provisional,
    {{ ratio("days_loaded", "days_in_month", 100) }} as share_of_days_loaded
from judged
group by all
