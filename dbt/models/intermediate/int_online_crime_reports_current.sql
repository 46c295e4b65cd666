{%- set key = ["force_code", "submission_id"] -%}
{{ config(pre_hook="{{ forget_touched('stg_online_crime_reports_touched', " ~ key ~ ") }}") }}

{{ latest_rows(ref("stg_online_crime_reports"), "stg_online_crime_reports_touched", key) }}
