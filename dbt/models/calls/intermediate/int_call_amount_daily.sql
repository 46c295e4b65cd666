{%- set sources = amount_sources(["call"]) -%}
{{ config(
    materialized="incremental",
    meta={"archive": {"day": "day", "sources": sources, "is_by_source": true}},
    pre_hook="{{ delete_changed_months('day', " ~ sources ~ ") }}",
    post_hook="{{ keep_archived() }}",
) }}
{{- amounts_by_day("call") }}
