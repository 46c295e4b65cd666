{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ amount_sources("contact") ~ ") }}",
) }}
{{- amount_values("contact") }}
