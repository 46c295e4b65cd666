{%- set sources = ["live_chats"] -%}
{{ config(
    materialized="incremental",
    meta={"archive": {"day": "day", "sources": sources}},
    pre_hook="{{ delete_changed_months('day', " ~ sources ~ ") }}",
    post_hook="{{ keep_archived() }}",
) }}

with
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent

levels as (select * from {{ ref("int_chat_level") }})

select
    force_code,
    day,
    cast(max(held_at_once) as bigint) as max_concurrent_chats
from levels
where
    day is not null
    {{ in_changed_months("and", "day", sources) }}
group by all
