{#- The schema of a model is the name of its layer. By default dbt adds the target's schema as a prefix, but
    interfaces refer to `marts.fct_call` for any target. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
