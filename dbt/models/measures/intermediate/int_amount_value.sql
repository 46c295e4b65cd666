{{ config(materialized="view") }}
{%- for subject in event_amounts() %}
select * from {{ ref("int_" ~ subject ~ "_amount_value") }}
{{ "union all" if not loop.last }}
{%- endfor %}
