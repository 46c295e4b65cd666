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
-- instant are held at once from then on.
final as (

    select
        force_code,
        operator_id,
        month_start,
        day,
        changed_at,
        change,
        cast(sum(change) over (
            partition by force_code, operator_id, month_start
            order by changed_at asc nulls last, change asc nulls last
            range between unbounded preceding and current row
        ) as bigint) as held_at_once
    from changes

)

select * from final
