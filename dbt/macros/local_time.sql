{#- Local time of a UTC timestamp. Months, days and hours of every figure are in local time, and because of clock
    changes a fixed offset is not enough; only these macros convert. -#}

{% macro local_time_zone() -%}
    '{{ var("local_time_zone") }}'
{%- endmacro %}

{#- Wall-clock timestamp in local time of a naive UTC timestamp. Null stays null. -#}
{% macro local_timestamp(utc) -%}
    {{ return(adapter.dispatch("local_timestamp", "fcir")(utc)) }}
{%- endmacro %}

{#- Naive UTC timestamp of a wall-clock timestamp in local time that occurs once. Null stays null. -#}
{% macro utc_timestamp(local) -%}
    {{ return(adapter.dispatch("utc_timestamp", "fcir")(local)) }}
{%- endmacro %}

{#- Local calendar day of a naive UTC timestamp. Null stays null. -#}
{% macro local_date(utc) -%}
    cast({{ local_timestamp(utc) }} as date)
{%- endmacro %}
