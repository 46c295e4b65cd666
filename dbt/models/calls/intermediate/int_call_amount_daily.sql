{%- set sources = ["call_segments"] -%}
{{ config(
    materialized="incremental",
    meta={"archive": {"day": "day", "sources": sources, "is_by_source": true}},
    pre_hook="{{ delete_changed_months('day', " ~ sources ~ ") }}",
    post_hook="{{ keep_archived() }}",
) }}

with
-- The linter cannot follow the indentation of a condition that a night adds.
-- noqa: disable=layout.indent

calls as (select * from {{ ref("int_call_judged") }})

select
    'call_segments' as source,
    force_code,
    arrived_date as day,
    section || '.queue_seconds' as amount,
    cast(queue_seconds as decimal(18, 6)) as value,
    cast(count(*) as bigint) as events
from calls
where
    answered = 1
    and not is_short_abandon
    and queue_seconds is not null
    {{ in_changed_months("and", "arrived_date", sources) }}
group by all
