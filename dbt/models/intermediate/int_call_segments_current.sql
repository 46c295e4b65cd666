{%- set key = ["force_code", "call_id", "segment_no"] -%}
{{ config(pre_hook="{{ forget_touched('stg_call_segments_touched', " ~ key ~ ") }}") }}

{{ latest_rows(ref("stg_call_segments"), "stg_call_segments_touched", key) }}
