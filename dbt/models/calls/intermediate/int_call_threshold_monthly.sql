{%- set sources = ["call_segments"] -%}
{%- set sums = ["received", "answered", "answered_within_target", "queue_seconds_answered"] -%}
{{ config(
    materialized="incremental",
    meta={"archive": {"day": "month_start", "sources": sources}},
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
    post_hook="{{ keep_archived() }}",
) }}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

calls as (select * from {{ ref("int_call_judged") }}),

parameters as (select * from {{ ref("call_parameters") }}),

thresholds as (

    {{ abandon_thresholds("parameters") }}

),

-- Thresholds are applied to sums of calls with the same queue time, which are far fewer than the calls.
alike as (

    select
        force_code,
        line,
        month_start,
        case when not is_answered_by_operator then queue_seconds end as abandoned_after_seconds,
        {%- for part in sums %}
        sum({{ part }}) as {{ part }}{{ "," if not loop.last }}
        {%- endfor %}
    from calls
    {{ in_changed_months("where", "arrived_date", sources) }}
    group by all

),

judged as (

    select
        alike.*,
        thresholds.short_abandon_seconds,
        coalesce(alike.abandoned_after_seconds < thresholds.short_abandon_seconds, false) as is_short_abandon
    from alike
    cross join thresholds

),

final as (

    select
        force_code,
        line,
        month_start,
        short_abandon_seconds,
        cast(sum(received) as bigint) as received,
        cast(sum(case when is_short_abandon then received else 0 end) as bigint) as short_abandons,
        {%- for part in sums[1:] %}
        cast(sum(case when is_short_abandon then 0 else {{ part }} end) as decimal(38, 6)) as {{ part }}
        {{- "," if not loop.last }}
        {%- endfor %}
    from judged
    group by all

)

select * from final
