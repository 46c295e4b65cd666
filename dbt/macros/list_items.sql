{#- Select item: a row for each item of a comma list, blanks around an item kept. -#}
{% macro list_items(text) -%}
    {{ return(adapter.dispatch("list_items", "fcir")(text)) }}
{%- endmacro %}

{% macro duckdb__list_items(text) -%}
    unnest(string_split({{ text }}, ','))
{%- endmacro %}

{% macro spark__list_items(text) -%}
    explode(split({{ text }}, ','))
{%- endmacro %}
