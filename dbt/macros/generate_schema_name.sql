{#- The schema of a model is the name of its layer, the same for any target: staging, changes, measures (folders
    `intermediate`), marts. By default dbt adds the target's schema as a prefix. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name -%}
        {{ custom_schema_name | trim }}
    {%- elif node.resource_type != "model" -%}
        {{ target.schema }}
    {%- elif node.fqn[1] in ("staging", "changes") -%}
        {{ node.fqn[1] }}
    {%- else -%}
        {{ "measures" if "intermediate" in node.fqn else "marts" }}
    {%- endif -%}
{%- endmacro %}
