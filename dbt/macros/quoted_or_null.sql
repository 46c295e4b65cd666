{#- A text literal, or a null of that type for an empty text. -#}
{% macro quoted_or_null(text) -%}
    {%- if text -%} {{ dbt.string_literal(dbt.escape_single_quotes(text)) }}
    {%- else -%} cast(null as {{ dbt.type_string() }})
    {%- endif -%}
{%- endmacro %}
