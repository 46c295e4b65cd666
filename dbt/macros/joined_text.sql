{#- Texts of a group in their own order, joined by a comma and a space. Null where the group has none. -#}
{% macro joined_text(text) -%}
    {{ return(adapter.dispatch("joined_text", "fcir")(text)) }}
{%- endmacro %}
