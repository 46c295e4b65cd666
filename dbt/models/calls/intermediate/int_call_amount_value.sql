{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ amount_sources("call") ~ ") }}",
) }}
{{- amount_values("call") }}
