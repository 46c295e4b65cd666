{#- Number of the data root that made a load: the high bits of the load's number, which is root * 2^24 + n. By division,
    because engines differ in how they shift. The numbers are made in dagster_project/warehouse/roots.py. -#}
{% macro root_number(load_id) -%}
    cast({{ int_div(load_id, "16777216") }} as bigint)
{%- endmacro %}
