{%- set shown = ["received", "answered", "not_answered", "called_back"] -%}
{#- Sums that are only divided by the calls answered: of no call they are null, as the quotient is. -#}
{%- set divided = ["queue_seconds_answered", "talk_seconds_answered", "answered_within_target"] -%}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

grouped as (

    select * from {{ ref("int_call_hourly") }}

),

deliveries as (

    select * from {{ ref("int_measure_delivery") }}

),

lines as (

    select distinct line from {{ ref("call_parameters") }}

),

hours as (

    select * from {{ ref("int_hour_of_week") }}

),

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
    where deliveries.measure = 'calls_999.received' and deliveries.days_loaded > 0

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

ratios as (
    {{- catalogue_ratios(
        "summed",
        key=["force_code", "line", "month_start", "day_of_week", "hour_of_day"],
        parts=shown + divided,
        ratios={
            "pct_not_answered": "pct_not_answered",
            "avg_queue_seconds": "avg_queue_time",
            "avg_talk_seconds": "avg_talk_time",
            "pct_answered_within_target": "pct_answered_within_target",
        },
    ) }}
),

final as (

    select
        cast(summed.force_code as {{ dbt.type_string() }}) as force_code,
        cast(summed.line as {{ dbt.type_string() }}) as line,
        cast(summed.month_start as date) as month_start,
        cast(summed.day_of_week as bigint) as day_of_week,
        cast(summed.hour_of_day as bigint) as hour_of_day,
        cast(summed.received as bigint) as received,
        cast(summed.answered as bigint) as answered,
        cast(summed.not_answered as bigint) as not_answered,
        cast(ratios.pct_not_answered as decimal(38, 6)) as pct_not_answered,
        cast(ratios.avg_queue_seconds as decimal(38, 6)) as avg_queue_seconds,
        cast(ratios.avg_talk_seconds as decimal(38, 6)) as avg_talk_seconds,
        cast(ratios.pct_answered_within_target as decimal(38, 6)) as pct_answered_within_target,
        cast(summed.median_queue_seconds as decimal(38, 6)) as median_queue_seconds,
        cast(summed.p90_queue_seconds as decimal(38, 6)) as p90_queue_seconds,
        cast(summed.called_back as bigint) as called_back,
        cast(summed.days_loaded < summed.days_in_month as boolean) as is_provisional,
        {{ ratio("summed.days_loaded", "summed.days_in_month", 100) }} as share_of_days_loaded
    from summed
    left join ratios
        on
            summed.force_code = ratios.force_code
            and summed.line = ratios.line
            and summed.month_start = ratios.month_start
            and summed.day_of_week = ratios.day_of_week
            and summed.hour_of_day = ratios.hour_of_day

)

select * from final
