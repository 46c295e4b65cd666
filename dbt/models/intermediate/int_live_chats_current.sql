{%- set key = ["force_code", "chat_id"] -%}
{{ config(pre_hook="{{ forget_touched('stg_live_chats_touched', " ~ key ~ ") }}") }}

{{ latest_rows(ref("stg_live_chats"), "stg_live_chats_touched", key) }}
