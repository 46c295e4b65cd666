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

{% macro generate_database_name(custom_database_name, node) -%}
    {{ marts_database() if generate_schema_name(none, node) | trim == "marts" else target.database }}
{%- endmacro %}

{#- Marts have a file of their own, which the profile attaches; a lake has one catalogue. -#}
{% macro marts_database() -%}
    {{ adapter.dispatch("marts_database")() }}
{%- endmacro %}
