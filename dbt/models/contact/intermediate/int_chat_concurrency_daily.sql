{%- set sources = ["live_chats"] -%}
{{ config(
    materialized="incremental",
    meta={"archive": {"day": "month_start", "sources": sources}},
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
    post_hook="{{ keep_archived() }}",
) }}

with

pieces as (

    select *
    from {{ ref("int_chat_piece") }}
    {{ in_changed_months("where", "month_start", sources) }}

),

changes as (

    select
        force_code,
        operator_id,
        month_start,
        day,
        started_at as changed_at,
        1 as change
    from pieces

    union all

    select
        force_code,
        operator_id,
        month_start,
        cast(null as date) as day,
        ended_at as changed_at,
        -1 as change
    from pieces

),

-- An end comes before a start of the same instant: such sessions are not held at once. Sessions that start at the same
-- instant are held at once from then on. Of several changes at one instant, only the level after the last one lasts; one
-- of a session that goes on from the month before has no day, and comes last.
levels as (

    select
        *,
        sum(change) over (
            partition by force_code, operator_id, month_start
            order by changed_at asc nulls last, change asc nulls last
            range between unbounded preceding and current row
        ) as concurrent_chats,
        lead(changed_at) over (
            partition by force_code, operator_id, month_start
            order by changed_at asc nulls last, change asc nulls last, day asc nulls last
        ) as changed_next_at
    from changes

)

select
    force_code,
    month_start,
    day,
    cast(concurrent_chats as bigint) as concurrent_chats,
    cast(sum({{ seconds_between("changed_at", "changed_next_at") }}) as decimal(38, 6)) as operator_seconds
from levels
where concurrent_chats > 0
group by
    force_code,
    month_start,
    day,
    concurrent_chats
