{%- set sources = ["live_chats"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

with
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent

chats as (select * from {{ ref("fct_live_chat") }}),

dates as (select * from {{ ref("dim_date") }}),

months as (

    select distinct
        month_start,
        {{ utc_timestamp("cast(month_start as timestamp)") }} as begins_at,
        {{ utc_timestamp("cast(" ~ date_plus("month_start", 1, "month") ~ " as timestamp)") }} as ends_at
    from dates

),

held as (

    select
        force_code,
        operator_id,
        chat_id,
        chat_epoch,
        requested_date,
        accepted_at,
        ended_at,
        load_id,
        source_row,
        {{ month_start(local_date("accepted_at")) }} as first_month,
        {{ month_start(local_date("ended_at")) }} as last_month
    from chats
    where
        is_accepted
        and operator_id is not null
        {%- if is_incremental() %}
        -- The instant at which the month begins: a local date of every chat would take 0.4 CPU seconds after ten years.
        and ended_at >= {{ utc_timestamp("cast(" ~ first_changed_month(sources) ~ " as timestamp)") }}
        {%- endif %}

),

-- Most sessions are within one month and need no split.
pieces as (

    select
        force_code,
        operator_id,
        chat_id,
        chat_epoch,
        requested_date,
        first_month as month_start,
        accepted_at as started_at,
        ended_at,
        load_id,
        source_row
    from held
    where first_month = last_month

    union all

    select
        held.force_code,
        held.operator_id,
        held.chat_id,
        held.chat_epoch,
        held.requested_date,
        months.month_start,
        greatest(held.accepted_at, months.begins_at) as started_at,
        least(held.ended_at, months.ends_at) as ended_at,
        held.load_id,
        held.source_row
    from held
    inner join months
        on months.month_start between held.first_month and held.last_month
    where
        held.first_month < held.last_month
        -- A session that ends at midnight has no piece in the month that begins then.
        and held.ended_at > months.begins_at

),

final as (

    select
        force_code,
        operator_id,
        chat_id,
        chat_epoch,
        month_start,
        case
            when {{ month_start("requested_date") }} = month_start then requested_date
            else month_start
        end as day,
        started_at,
        ended_at,
        {{ seconds_between("started_at", "ended_at") }} as held_seconds,
        load_id,
        source_row
    from pieces
    {{ in_changed_months("where", "month_start", sources) }}

)

select * from final
