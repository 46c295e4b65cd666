{%- set sources = ["call_segments"] -%}
{{ config(
    materialized="incremental",
    meta={"archive": {"day": "arrived_date", "sources": sources}},
    pre_hook="{{ delete_changed_months('arrived_date', " ~ sources ~ ") }}",
    post_hook="{{ keep_archived() }}",
) }}

with
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent

calls as (select * from {{ ref("int_call_judged") }}),

final as (

    select
        force_code,
        section,
        arrived_date,
        month_start,
        queue_seconds,
        cast(count(*) as bigint) as calls
    from calls
    where
        not is_short_abandon
        and answered = 1
        and queue_seconds is not null
        {{ in_changed_months("and", "arrived_date", sources) }}
    group by all

)

select * from final
