{#- Lengths of time between two values. Exact: both engines return a double when microseconds are divided, so
    microseconds are counted as an integer and scaled by a decimal multiplication. -#}

{#- Seconds from one timestamp to another as decimal(18,6); negative when the second is earlier, null when one is null. -#}
{% macro seconds_between(earlier, later) -%}
    cast(
        cast({{ microseconds(later) }} - {{ microseconds(earlier) }} as decimal(24, 0))
        * cast(0.000001 as decimal(7, 6)) as decimal(18, 6)
    )
{%- endmacro %}

{#- Microseconds of a naive UTC timestamp since 1970, an integer. -#}
{% macro microseconds(utc) -%}
    {{ return(adapter.dispatch("microseconds", "fcir")(utc)) }}
{%- endmacro %}

{#- Whole days from one date to another as bigint. -#}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch("days_between", "fcir")(earlier, later)) }}
{%- endmacro %}
