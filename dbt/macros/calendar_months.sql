{#- Calendar months from the month of one date to that of another as bigint, regardless of the day: 0 within one
    month, 1 from the last of a month to the first of the next; negative when the second is earlier. -#}
{% macro calendar_months_between(earlier, later) -%}
    cast(
        12 * (extract(year from {{ later }}) - extract(year from {{ earlier }}))
        + extract(month from {{ later }}) - extract(month from {{ earlier }})
        as bigint
    )
{%- endmacro %}
