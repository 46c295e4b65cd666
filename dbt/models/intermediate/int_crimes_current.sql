{%- set key = ["force_code", "crime_ref", "updated_at"] -%}
{{ config(pre_hook="{{ forget_touched('stg_crimes_touched', " ~ key ~ ") }}") }}

{{ latest_rows(ref("stg_crimes"), "stg_crimes_touched", key) }}
