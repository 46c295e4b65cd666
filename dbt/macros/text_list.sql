{#- Lists in a text. Engines have other names for taking them apart and putting them together. -#}

{#- Aggregate: the texts of a group in their order, separated by a comma and a blank; nulls are left out, and a group
    without any text gives null. -#}
{% macro text_list(text) -%}
    {{ return(adapter.dispatch("text_list", "fcir")(text)) }}
{%- endmacro %}

{% macro duckdb__text_list(text) -%}
    string_agg({{ text }}, ', ' order by {{ text }} asc nulls last)
{%- endmacro %}

{% macro spark__text_list(text) -%}
    nullif(array_join(array_sort(collect_list({{ text }})), ', '), '')
{%- endmacro %}

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
