{%- set sources = ["live_chats"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

with

levels as (

    select *
    from {{ ref("int_chat_level") }}
    {{ in_changed_months("where", "month_start", sources) }}

),

-- Of several changes at one instant, only the level after the last one lasts; changes of one kind are interchangeable,
-- so it does not matter which of them is last.
lasting as (

    select
        *,
        lead(changed_at) over (
            partition by force_code, operator_id, month_start
            order by changed_at asc nulls last, change asc nulls last
        ) as changed_next_at
    from levels

),

final as (

    select
        force_code,
        operator_id,
        month_start,
        cast(held_at_once as bigint) as concurrent_chats,
        cast(sum({{ seconds_between("changed_at", "changed_next_at") }}) as decimal(38, 6)) as operator_seconds
    from lasting
    where held_at_once > 0 and changed_at < changed_next_at
    group by
        force_code,
        operator_id,
        month_start,
        held_at_once

)

select * from final
