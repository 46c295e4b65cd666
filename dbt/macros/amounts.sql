{#-
    Amounts of events whose percentiles and maxima are measures, by subject. A row of measure_catalogue with the method
    p50, p90 (any pNN) or max names one of them; nothing else is needed for a median by day, week, month and period.

    amounts: names of amounts, each with the condition on an event to have it; an event has the first that holds.
    model: the model that has the events, one row per event, with force_code. source: whose deliveries bring them.
    day: column of the local day that an event counts on. value: the amount of an event; an event without one does not
    count. only: condition on an event to count.
-#}
{% macro event_amounts() -%}
    {{- return({
        "call": [
            {"amounts": {"calls_999.queue_seconds": "line = '999'", "calls_101.queue_seconds": "line = '101'"},
             "model": "int_call_judged", "source": "call_segments", "day": "arrived_date", "value": "queue_seconds",
             "only": "answered = 1 and not is_short_abandon"},
        ],
        "contact": [
            {"amounts": {"live_chat.held_at_once": "true"}, "model": "int_chat_concurrency_daily",
             "source": "live_chats", "day": "day", "value": "concurrent_chats", "only": "day is not null"},
        ],
    }) -}}
{%- endmacro %}

{#- Names of all amounts. -#}
{% macro amount_names() -%}
    {%- set names = [] -%}
    {%- for subject in event_amounts().values() -%}
        {%- for listed in subject -%}
            {%- do names.extend(listed.amounts) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(names) -}}
{%- endmacro %}

{#- Sources of the amounts of some subjects. -#}
{% macro amount_sources(subjects) -%}
    {%- set sources = [] -%}
    {%- for subject in subjects -%}
        {%- do sources.extend(event_amounts()[subject] | map(attribute="source")) -%}
    {%- endfor -%}
    {{- return(sources | unique | sort) -}}
{%- endmacro %}

{#- Query: how many events of a day have each value of each amount of a subject. -#}
{% macro amounts_by_day(subject) %}
    {%- for listed in event_amounts()[subject] %}
    select
        '{{ listed.source }}' as source,
        force_code,
        {{ listed.day }} as day,
        case
            {%- for amount, condition in listed.amounts.items() %}
            when {{ condition }} then '{{ amount }}'
            {%- endfor %}
        end as amount,
        cast({{ listed.value }} as decimal(18, 6)) as value,
        cast(count(*) as bigint) as events
    from {{ ref(listed.model) }}
    where
        {{ listed.value }} is not null
        and {{ listed.only }}
        and ({{ listed.amounts.values() | join(" or ") }})
        {{ in_changed_months("and", listed.day, amount_sources([subject])) }}
    group by all
    {{- "\n\n    union all\n" if not loop.last }}
    {%- endfor %}
{% endmacro %}

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
