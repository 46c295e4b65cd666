{%- set sources = event_parts()["crime"] | map(attribute="source") | unique | list -%}
{{ config(
    materialized="incremental",
    meta={"archive": {"day": "day", "sources": sources, "is_by_source": true}},
    pre_hook="{{ delete_changed_months('day', " ~ sources ~ ") }}",
    post_hook="{{ keep_archived() }}",
) }}

{{ part_days("crime", sources) }}
