{#- Calendar arithmetic on dates. Every result is a date or an integer, because engines differ in the result type of
    intervals and truncation. -#}

{#- First day of the month of a date. -#}
{% macro month_start(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{#- Return a date shifted by whole days, months or years (`unit`), cast back to a date. -#}
{% macro date_plus(day, amount, unit) -%}
    {{ return(adapter.dispatch("date_plus", "fcir")(day, amount, unit)) }}
{%- endmacro %}

{#- Weekday of a date, 1 for Monday to 7 for Sunday. -#}
{% macro day_of_week(day) -%}
    {{ return(adapter.dispatch("day_of_week", "fcir")(day)) }}
{%- endmacro %}

{#- Monday of the week of a date. -#}
{% macro week_start(day) -%}
    {{ date_plus(day, "1 - " ~ day_of_week(day), "day") }}
{%- endmacro %}

{#- Query: every date from the first to the last (two expressions over a row of `source`) as `date_day`, after the given
    `columns` of the row. -#}
{% macro date_series(first, last, source, columns=[]) %}
    select
        {%- for column in columns %}
        {{ column }},
        {%- endfor %}
        {{ date_plus("series_start", "days_later", "day") }} as date_day
    from (
        select
            *,
            {{ first }} as series_start,
            {{ whole_numbers(0, days_between(first, last)) }} as days_later
        from {{ source }}
    ) as series
{%- endmacro %}

{#- A row for each whole number (bigint) from the first to the last; only as a column of a query. -#}
{% macro whole_numbers(first, last) -%}
    {{ return(adapter.dispatch("whole_numbers", "fcir")(first, last)) }}
{%- endmacro %}
