{#- A model's schema is named by its layer alone. dbt would put the target's schema before it, and interfaces name
    `marts.fct_call`, whatever the target is called. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
