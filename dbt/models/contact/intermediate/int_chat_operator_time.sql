{%- set sources = ["live_chats"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

with

pieces as (

    select *
    from {{ ref("int_chat_piece") }}
    {{ in_changed_months("where", "month_start", sources) }}

),

-- The latest end of the sessions that started before: a session that starts after it opens a new stretch of time.
with_earlier_end as (

    select
        *,
        max(ended_at) over (
            partition by force_code, operator_id, month_start
            order by started_at asc nulls last, ended_at asc nulls last, chat_id asc nulls last
            rows between unbounded preceding and 1 preceding
        ) as earlier_end
    from pieces

),

numbered as (

    select
        *,
        sum(case when earlier_end is null or started_at > earlier_end then 1 else 0 end) over (
            partition by force_code, operator_id, month_start
            order by started_at asc nulls last, ended_at asc nulls last, chat_id asc nulls last
            rows between unbounded preceding and current row
        ) as stretch_no
    from with_earlier_end

)

select
    force_code,
    operator_id,
    month_start,
    cast(stretch_no as bigint) as stretch_no,
    min(day) as first_day,
    min(started_at) as started_at,
    max(ended_at) as ended_at,
    {{ seconds_between("min(started_at)", "max(ended_at)") }} as operator_seconds
from numbered
group by
    force_code,
    operator_id,
    month_start,
    stretch_no
