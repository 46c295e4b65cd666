{%- set sources = ["live_chats"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}
{%- set columns = [
    "force_code", "operator_id", "chat_id", "chat_epoch", "requested_date", "accepted_at", "ended_at", "load_id", "source_row",
] %}

with
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent

held as (

    select
        *,
        {{ month_start(local_date("accepted_at")) }} as first_month,
        {{ month_start(local_date("ended_at")) }} as last_month
    from {{ ref("fct_live_chat") }}
    where
        is_accepted
        and operator_id is not null
        {%- if is_incremental() %}
        -- The instant at which the month begins: a local date of every chat would take 0.4 CPU seconds after ten years.
        and ended_at >= {{ utc_timestamp("cast(" ~ first_changed_month(sources) ~ " as timestamp)") }}
        {%- endif %}

),

held_over_months as (

    select *
    from held
    where first_month < last_month

),

days_over_months as (
    {{- date_series("first_month", "last_month", "held_over_months", columns) }}
),

months as (

    select
        *,
        {{ utc_timestamp("cast(date_day as timestamp)") }} as begins_at,
        {{ utc_timestamp("cast(" ~ date_plus("date_day", 1, "month") ~ " as timestamp)") }} as ends_at
    from days_over_months
    where date_day = {{ month_start("date_day") }}

),

-- Most sessions are within one month and need no split. A session that ends at midnight has no piece in the month that
-- begins then.
pieces as (

    select
        {{ columns | join(",\n        ") }},
        first_month as month_start,
        accepted_at as started_at,
        ended_at as piece_ended_at
    from held
    where first_month = last_month

    union all

    select
        {{ columns | join(",\n        ") }},
        date_day as month_start,
        greatest(accepted_at, begins_at) as started_at,
        least(ended_at, ends_at) as piece_ended_at
    from months
    where ended_at > begins_at

)

select
    force_code,
    operator_id,
    chat_id,
    chat_epoch,
    month_start,
    case when {{ month_start("requested_date") }} = month_start then requested_date else month_start end as day,
    started_at,
    piece_ended_at as ended_at,
    {{ seconds_between("started_at", "piece_ended_at") }} as held_seconds,
    load_id,
    source_row
from pieces
{{ in_changed_months("where", "month_start", sources) }}
