{#- Texts of a group in their own order, joined by a comma and a space. Null where the group has none. -#}
{% macro joined_text(text) -%}
    {{ return(adapter.dispatch("joined_text", "fcir")(text)) }}
{%- endmacro %}

{% macro duckdb__joined_text(text) -%}
    string_agg({{ text }}, ', ' order by {{ text }} asc nulls last)
{%- endmacro %}

{% macro spark__joined_text(text) -%}
    nullif(array_join(sort_array(collect_list({{ text }})), ', '), '')
{%- endmacro %}
