{%- set key = ["force_code", "report_id", "statement_id", "test_no"] -%}
{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_published_statements_rows') }}") }}

with

final as (
    {{- latest_rows(ref("stg_published_statements"), "chg_published_statements_rows", key) }}
)

select * from final
