{# A text literal with its quotes doubled, or a null of that type. #}
{% macro quoted_or_null(text) -%}
    {%- if text is none or text == '' -%} cast(null as {{ dbt.type_string() }})
    {%- else -%} '{{ text | replace("'", "''") }}'
    {%- endif -%}
{%- endmacro %}
