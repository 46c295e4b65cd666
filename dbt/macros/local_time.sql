{#- Local time of a UTC timestamp. Months, days and hours of every figure are in local time, and because of clock
    changes a fixed offset is not enough; only these macros convert. -#}

{% macro local_time_zone() -%}
    '{{ var("local_time_zone") }}'
{%- endmacro %}

{#- Wall-clock timestamp in local time of a naive UTC timestamp. Null stays null. -#}
{% macro local_timestamp(utc) -%}
    {{ return(adapter.dispatch("local_timestamp", "fcir")(utc)) }}
{%- endmacro %}

{% macro duckdb__local_timestamp(utc) -%}
    timezone({{ local_time_zone() }}, timezone('UTC', {{ utc }}))
{%- endmacro %}

{% macro spark__local_timestamp(utc) -%}
    from_utc_timestamp({{ utc }}, {{ local_time_zone() }})
{%- endmacro %}

{#- Naive UTC timestamp of a wall-clock timestamp in local time that occurs once. Null stays null. -#}
{% macro utc_timestamp(local) -%}
    {{ return(adapter.dispatch("utc_timestamp", "fcir")(local)) }}
{%- endmacro %}

{% macro duckdb__utc_timestamp(local) -%}
    timezone('UTC', timezone({{ local_time_zone() }}, {{ local }}))
{%- endmacro %}

{% macro spark__utc_timestamp(local) -%}
    to_utc_timestamp({{ local }}, {{ local_time_zone() }})
{%- endmacro %}

{#- Local calendar day of a naive UTC timestamp. Null stays null. -#}
{% macro local_date(utc) -%}
    cast({{ local_timestamp(utc) }} as date)
{%- endmacro %}
