{%- set key = ["force_code", "contact_id"] -%}
{{ config(pre_hook="{{ forget_touched('stg_digital_contacts_touched', " ~ key ~ ") }}") }}

{{ latest_rows(ref("stg_digital_contacts"), "stg_digital_contacts_touched", key) }}
