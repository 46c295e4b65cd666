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

{% macro duckdb__date_plus(day, amount, unit) -%}
    cast({{ day }} + ({{ amount }}) * interval 1 {{ unit }} as date)
{%- endmacro %}

{% macro spark__date_plus(day, amount, unit) -%}
    {%- if unit == "day" -%} date_add({{ day }}, cast({{ amount }} as int))
    {%- elif unit == "month" -%} add_months({{ day }}, cast({{ amount }} as int))
    {%- elif unit == "year" -%} add_months({{ day }}, cast(12 * ({{ amount }}) as int))
    {%- else -%} {{ exceptions.raise_compiler_error("date_plus: unit is day, month or year, not " ~ unit) }}
    {%- endif -%}
{%- endmacro %}

{#- Weekday of a date, 1 for Monday to 7 for Sunday. -#}
{% macro day_of_week(day) -%}
    {{ return(adapter.dispatch("day_of_week", "fcir")(day)) }}
{%- endmacro %}

{% macro duckdb__day_of_week(day) -%}
    isodow({{ day }})
{%- endmacro %}

{% macro spark__day_of_week(day) -%}
    (weekday({{ day }}) + 1)
{%- endmacro %}

{#- Monday of the week of a date. -#}
{% macro week_start(day) -%}
    {{ date_plus(day, "1 - " ~ day_of_week(day), "day") }}
{%- endmacro %}

{#- A query of every date from the first to the last (two scalar expressions over `source`), one column `date_day`. -#}
{% macro date_series(first, last, source) -%}
    {{ return(adapter.dispatch("date_series", "fcir")(first, last, source)) }}
{%- endmacro %}

{% macro duckdb__date_series(first, last, source) -%}
    select cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as date) as date_day
    from {{ source }}
{%- endmacro %}

{% macro spark__date_series(first, last, source) -%}
    select explode(sequence({{ first }}, {{ last }}, interval 1 day)) as date_day
    from {{ source }}
{%- endmacro %}
