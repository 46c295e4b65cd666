{#- Condition of a join by columns that both sides have: `left.a = right.a and left.b = right.b`. -#}
{% macro same_columns(left, right, columns) -%}
    {%- for column in columns %}{{ " and " if not loop.first }}{{ left }}.{{ column }} = {{ right }}.{{ column }}{% endfor -%}
{%- endmacro %}
