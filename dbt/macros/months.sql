{#- Months as texts and as numbers, for statements about spans of months. -#}

{#- The text YYYY-MM of a date. -#}
{% macro month_text(day) -%}
    substring(cast({{ day }} as {{ dbt.type_string() }}), 1, 7)
{%- endmacro %}

{#- `2022-08 to 2023-01`, or the one month where first and last are the same. -#}
{% macro months_text(first_month, last_month) -%}
    case
        when {{ first_month }} = {{ last_month }} then {{ month_text(first_month) }}
        else {{ month_text(first_month) }} || ' to ' || {{ month_text(last_month) }}
    end
{%- endmacro %}

{#- Number of a month: consecutive months have consecutive numbers, so a difference counts the months between two. -#}
{% macro month_number(day) -%}
    cast(12 * extract(year from {{ day }}) + extract(month from {{ day }}) as bigint)
{%- endmacro %}
