{%- set sources = event_parts()["own"] | map(attribute="source") | unique | list -%}
{{ config(
    materialized="table",
    meta={"archive": {"day": "day", "sources": sources, "is_by_source": true}},
    post_hook="{{ keep_archived() }}",
) }}

{{ part_days("own", sources) }}
