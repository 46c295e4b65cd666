{#- A view: where the subjects meet, nothing is counted again. -#}
{{ config(materialized="view") }}

select * from {{ ref("int_call_part_daily") }}
union all
select * from {{ ref("int_contact_part_daily") }}
union all
select * from {{ ref("int_crime_part_daily") }}
{%- if event_parts()["own"] %}
union all
select * from {{ ref("int_own_part_daily") }}
{%- endif %}
