{%- set sources = ["live_chats"] -%}
{{ config(
    materialized="incremental",
    meta={"archive": {"day": "day", "sources": sources, "is_by_source": true}},
    pre_hook="{{ delete_changed_months('day', " ~ sources ~ ") }}",
    post_hook="{{ keep_archived() }}",
) }}

with

levels as (select * from {{ ref("int_chat_concurrency_daily") }})

select
    'live_chats' as source,
    force_code,
    day,
    'live_chat.held_at_once' as amount,
    cast(concurrent_chats as decimal(18, 6)) as value,
    cast(count(*) as bigint) as events
from levels
where day is not null {{ in_changed_months("and", "day", sources) }}
group by all
