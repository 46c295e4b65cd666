{#-
    Amounts of events whose percentiles and maxima are measures, by subject. A row of measure_catalogue with the method
    p50, p90 (any pNN) or max names one of them; nothing else is needed for a median by day, week, month and period.

    amount: its name. model: the model that has the events, one row per event, with force_code. source: whose deliveries
    bring them. day: column of the local day that an event counts on. value: the amount of an event. only: condition on
    an event to count; none where all with a value do.
-#}
{% macro event_amounts() -%}
    {{- return({
        "call": [
            {"amount": "calls_999.queue_seconds", "model": "int_call_outcome", "source": "call_segments",
             "day": "arrived_date", "value": "queue_seconds", "only": "section = 'calls_999' and answered = 1"},
            {"amount": "calls_101.queue_seconds", "model": "int_call_outcome", "source": "call_segments",
             "day": "arrived_date", "value": "queue_seconds", "only": "section = 'calls_101' and answered = 1"},
        ],
        "contact": [
            {"amount": "live_chat.held_at_once", "model": "int_chat_level", "source": "live_chats",
             "day": "day", "value": "held_at_once", "only": none},
        ],
    }) -}}
{%- endmacro %}

{#- Sources of the amounts of a subject. -#}
{% macro amount_sources(subject) -%}
    {{- return(event_amounts()[subject] | map(attribute="source") | unique | sort) -}}
{%- endmacro %}

{#- Query: how many events of a day have each value of each amount of a subject. -#}
{% macro amounts_by_day(subject) %}
    {%- for amount in event_amounts()[subject] %}
    select
        '{{ amount.source }}' as source,
        force_code,
        {{ amount.day }} as day,
        '{{ amount.amount }}' as amount,
        cast({{ amount.value }} as decimal(18, 6)) as value,
        cast(count(*) as bigint) as events
    from {{ ref(amount.model) }}
    where
        {{ amount.day }} is not null
        and {{ amount.value }} is not null
        {%- if amount.only %}
        and {{ amount.only }}
        {%- endif %}
        {{ in_changed_months("and", amount.day, amount_sources(subject)) }}
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

{#- Query: the measures of a subject that are percentiles or maxima, for each day, week and period of int_period. -#}
{% macro amount_values(subject) %}
{%- set sources = amount_sources(subject) -%}
with

measures as (
    select
        measure,
        amount,
        case when method = 'max' then 100 else cast(substring(method, 2) as integer) end as percent
    from {{ ref("measure_catalogue") }}
    where amount in ('{{ event_amounts()[subject] | map(attribute="amount") | join("', '") }}')
),

-- Measures of one amount need the same deliveries, so one of them tells which days count.
counted_by as (
    select
        amount,
        min(measure) as measure
    from measures
    group by amount
),

-- A changed month is compared with months of up to two years before.
day_values as (
    select
        *,
        {{ month_start("day") }} as month_start
    from {{ ref("int_" ~ subject ~ "_amount_daily") }}
    {%- if is_incremental() %}
    where day >= {{ date_plus(first_changed_month(sources), -24, "month") }}
    {%- endif %}
),

delivered_values as (
    select
        day_values.*,
        counted_by.measure
    from day_values
    inner join counted_by
        on day_values.amount = counted_by.amount
    inner join {{ ref("int_measure_delivery") }} as deliveries
        on
            counted_by.measure = deliveries.measure
            and day_values.force_code = deliveries.force_code
            and day_values.month_start = deliveries.month_start
    where deliveries.days_loaded > 0
),

month_values as (
    select
        force_code,
        amount,
        month_start,
        value,
        sum(events) as events
    from delivered_values
    group by all
),

spans as (
    select
        force_code,
        amount,
        'day' as period,
        month_start,
        day as first_day,
        value,
        events
    from day_values

    union all

    -- A week is of the month of its last day.
    select
        force_code,
        amount,
        'week' as period,
        {{ month_start(date_plus(week_start("day"), 6, "day")) }} as month_start,
        {{ week_start("day") }} as first_day,
        value,
        events
    from day_values

    union all

    select
        month_values.force_code,
        month_values.amount,
        periods.period,
        periods.month_start,
        periods.first_month as first_day,
        month_values.value,
        month_values.events
    from {{ ref("int_period") }} as periods
    inner join month_values
        on month_values.month_start between periods.first_month and periods.last_month

    union all

    select
        delivered_values.force_code,
        delivered_values.amount,
        periods.period,
        periods.month_start,
        periods.first_month as first_day,
        delivered_values.value,
        -delivered_values.events as events
    from {{ ref("int_uncompared_day") }} as uncompared_days
    inner join {{ ref("int_period") }} as periods
        on uncompared_days.month_start = periods.month_start and periods.period = 'prev_fytd'
    inner join delivered_values
        on
            uncompared_days.measure = delivered_values.measure
            and uncompared_days.force_code = delivered_values.force_code
            and uncompared_days.day = delivered_values.day
),

span_values as (
    select
        force_code,
        amount,
        period,
        month_start,
        first_day,
        value,
        sum(events) as events
    from spans
    {{ in_changed_months("where", "month_start", sources) }}
    group by all
    having sum(events) > 0
),

ranked as (
    {{- ranked_values("span_values", ["force_code", "amount", "period", "month_start", "first_day"]) }}
),

final as (
    select
        ranked.force_code,
        measures.measure,
        ranked.period,
        ranked.month_start,
        ranked.first_day,
        {{ percentile("measures.percent") }} as value
    from ranked
    -- Only the two events that a percentile lies between.
    inner join measures
        on
            ranked.amount = measures.amount
            and 100 * (ranked.events_up_to - ranked.events - 1) <= measures.percent * (ranked.events_in_all - 1)
            and 100 * ranked.events_up_to > measures.percent * (ranked.events_in_all - 1)
    group by all
)

select * from final
{% endmacro %}
