{%- set key = ["force_code", "report_id", "statement_id", "test_no"] -%}
{{ config(pre_hook="{{ forget_touched('stg_published_statements_touched') }}") }}

with

final as (
    {{- latest_rows(ref("stg_published_statements"), "stg_published_statements_touched", key) }}
)

select * from final
