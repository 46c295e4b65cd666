{%- set sources = ["live_chats"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ forget_months('month_start', " ~ sources ~ ") }}",
) }}

with
-- The linter cannot follow the indentation of what macros give.
-- noqa: disable=layout.indent

chats as (

    select * from {{ ref("fct_live_chat") }}

),

held as (

    select
        force_code,
        operator_id,
        requested_date,
        accepted_at,
        ended_at,
        {{ month_start("requested_date") }} as month_start
    from chats
    where
        is_accepted
        and operator_id is not null
        {{ in_touched_months("and", "requested_date", sources) }}

),

changes as (

    select
        force_code,
        operator_id,
        month_start,
        requested_date,
        accepted_at as changed_at,
        1 as change
    from held

    union all

    select
        force_code,
        operator_id,
        month_start,
        cast(null as date) as requested_date,
        ended_at as changed_at,
        -1 as change
    from held

),

-- An end comes before a start of the same instant: the sessions touch, they are not held at once. Sessions that start
-- at the same instant are held at once from it on.
final as (

    select
        force_code,
        operator_id,
        month_start,
        requested_date,
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
