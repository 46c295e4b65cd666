{#- Select item: a row for each item of a comma list, blanks around an item kept. -#}
{% macro list_items(text) -%}
    {{ return(adapter.dispatch("list_items", "fcir")(text)) }}
{%- endmacro %}
