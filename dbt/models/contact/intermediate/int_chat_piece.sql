{%- set sources = ["live_chats"] -%}
{%- set operator_month = "partition by force_code, operator_id, month_start" -%}
{%- set in_order = "order by started_at asc nulls last, ended_at asc nulls last, chat_id asc nulls last" -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

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

bounds as (

    select
        min(first_month) as first_month,
        max(last_month) as last_month
    from held

),

days as (
    {{- date_series("first_month", "last_month", "bounds") }}
),

months as (

    select
        date_day as month_start,
        {{ utc_timestamp("cast(date_day as timestamp)") }} as begins_at,
        {{ utc_timestamp("cast(" ~ date_plus("date_day", 1, "month") ~ " as timestamp)") }} as ends_at
    from days
    where date_day = {{ month_start("date_day") }}

),

pieces as (

    select
        held.force_code,
        held.operator_id,
        held.chat_id,
        held.chat_epoch,
        months.month_start,
        case
            when {{ month_start("held.requested_date") }} = months.month_start then held.requested_date
            else months.month_start
        end as day,
        greatest(held.accepted_at, months.begins_at) as started_at,
        least(held.ended_at, months.ends_at) as ended_at,
        held.load_id,
        held.source_row
    from held
    inner join months
        on months.month_start between held.first_month and held.last_month
    where
        -- A session that ends at midnight has no piece in the month that begins then.
        (months.month_start = held.first_month or held.ended_at > months.begins_at)
        {{ in_changed_months("and", "months.month_start", sources) }}

),

with_earlier_end as (

    select
        *,
        max(ended_at) over (
            {{ operator_month }} {{ in_order }}
            rows between unbounded preceding and 1 preceding
        ) as earlier_end
    from pieces

),

-- A stretch is time in which the operator held sessions without a break: one that starts after the end of all earlier
-- ones opens a new stretch. One that takes no time is held at once with no other.
numbered as (

    select
        *,
        started_at < earlier_end and started_at < ended_at as is_held_with_other,
        sum(case when earlier_end is null or started_at > earlier_end then 1 else 0 end) over (
            {{ operator_month }} {{ in_order }}
            rows between unbounded preceding and current row
        ) as stretch_no
    from with_earlier_end

),

operator_times as (

    select
        *,
        min(started_at) over ({{ operator_month }}, stretch_no) as stretch_started_at,
        max(ended_at) over ({{ operator_month }}, stretch_no) as stretch_ended_at,
        cast(row_number() over (
            {{ operator_month }}, stretch_no order by day asc nulls last, started_at asc nulls last, chat_id asc nulls last
        ) as bigint) as no_of_stretch,
        cast(row_number() over (
            {{ operator_month }} order by day asc nulls last, started_at asc nulls last, chat_id asc nulls last
        ) as bigint) as no_of_month,
        max(case when is_held_with_other then 1 else 0 end) over ({{ operator_month }}) as holds_several
    from numbered

)

select
    force_code,
    operator_id,
    chat_id,
    chat_epoch,
    month_start,
    day,
    started_at,
    ended_at,
    {{ seconds_between("started_at", "ended_at") }} as held_seconds,
    case when no_of_stretch = 1 then {{ seconds_between("stretch_started_at", "stretch_ended_at") }} else 0 end
        as operator_seconds,
    case when no_of_month = 1 then 1 else 0 end as operators,
    case when no_of_month = 1 then holds_several else 0 end as operators_with_several,
    load_id,
    source_row
from operator_times
