{#- Fails for a month in which the threshold in force gives another figure in kpi_call_definitions than kpi_calls_monthly
    has: the same calls are counted there in two ways. Counts and quotients are never negative, so -1 stands for
    null. -#}
{%- set columns = {
    "received_less_short_abandons": "received",
    "answered": "answered",
    "not_answered": "not_answered",
    "pct_not_answered": "pct_not_answered",
    "pct_within_target_of_answered": "pct_answered_within_target",
    "pct_within_target_of_received_less_short_abandons": "pct_received_within_target",
    "avg_queue_seconds": "avg_queue_seconds",
    "share_of_days_loaded": "share_of_days_loaded",
} -%}
with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

definitions as (
    select *
    from {{ ref("kpi_call_definitions") }}
    where is_in_force
),

months as (select * from {{ ref("kpi_calls_monthly") }})

select
    definitions.force_code,
    definitions.line,
    definitions.month_start
from definitions
left join months
    on
        definitions.force_code = months.force_code
        and definitions.line = months.line
        and definitions.month_start = months.month_start
where
    months.force_code is null
    or definitions.is_provisional <> months.is_provisional
    {%- for here, there in columns.items() %}
    or coalesce(definitions.{{ here }}, -1) <> coalesce(months.{{ there }}, -1)
    {%- endfor %}
