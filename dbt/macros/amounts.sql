{#- Percentiles and maxima of amounts. A row of measure_catalogue with the method p50, p90 (any pNN) or max names an amount
    of int_call_amount_daily or int_contact_amount_daily; nothing else is needed for a median by day, week, month and
    period. -#}

{#- Query: all columns of a relation with the columns `keys`, value and events (how many have that value), and the events
    of the same key up to each value and in all. -#}
{% macro ranked_values(relation, keys) %}
    select
        *,
        cast(sum(events) over (
            partition by {{ keys | join(", ") }}
            order by value asc nulls last
            rows between unbounded preceding and current row
        ) as bigint) as events_up_to,
        cast(sum(events) over (partition by {{ keys | join(", ") }}) as bigint) as events_in_all
    from {{ relation }}
{% endmacro %}

{#-
    A percentile of the rows of `ranked_values` in a group, exact; the 100th is the greatest. It interpolates linearly
    between the two nearest events, as percentile_cont does, but in whole numbers: percentile_cont of a decimal goes
    through DOUBLE. The position is counted in hundredths of an event, percent * (events - 1): whole hundreds are the rank
    of an event, from 0, the rest the hundredths of the way to the next. The greatest event has no next one.
-#}
{% macro percentile(percent) -%}
    {%- set before = "(events_up_to - events)" -%}
    {%- set position = "(" ~ percent ~ " * (events_in_all - 1))" -%}
    {%- set value = "cast(value as decimal(38, 6))" -%}
    {%- set sum_x100 -%}
    max(case when 100 * {{ before }} <= {{ position }} then {{ value }} * (100 - mod({{ position }}, 100)) end)
    + max(case when 100 * ({{ before }} - 1) <= {{ position }} then {{ value }} * mod({{ position }}, 100) end)
    {%- endset -%}
    {{ ratio("(" ~ sum_x100 ~ ")", "100") }}
{%- endmacro %}
