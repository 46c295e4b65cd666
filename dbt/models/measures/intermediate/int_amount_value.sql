{#- Percentiles and maxima of all amounts, for each day, week and period. -#}
{%- set sources = ["call_segments", "live_chats"] -%}
{#- A week is of the month of its last day. -#}
{%- set days_of = {
    "day": ("day", "day"),
    "week": (week_start("day"), date_plus(week_start("day"), 6, "day")),
} -%}
{#- Which months a delivery of a force's own source changes is not known: then all are computed every night. -#}
{{ config(
    materialized="table" if event_parts()["own"] else "incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

with
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent

measures as (

    select
        measure,
        amount,
        case when method = 'max' then 100 else cast(substring(method, 2) as integer) end as percent,
        -- Measures of one amount need the same deliveries, so one of them tells which months count.
        min(measure) over (partition by amount) = measure as is_first
    from {{ ref("measure_catalogue") }}
    where amount <> ''

),

-- A changed month is compared with months of up to two years before.
day_values as (

    select *
    from (
        select * from {{ ref("int_call_amount_daily") }}
        union all
        select * from {{ ref("int_contact_amount_daily") }}
        {%- if event_parts()["own"] %}
        union all
        select * from {{ ref("int_own_amount_daily") }}
        {%- endif %}
    ) as counted
    {%- if is_incremental() %}
    where day >= {{ date_plus(first_changed_month(sources), -24, "month") }}
    {%- endif %}

),

month_values as (

    select
        day_values.force_code,
        day_values.amount,
        deliveries.month_start,
        day_values.value,
        sum(day_values.events) as events
    from day_values
    inner join measures
        on day_values.amount = measures.amount and measures.is_first
    inner join {{ ref("int_measure_delivery") }} as deliveries
        on measures.measure = deliveries.measure
        and day_values.force_code = deliveries.force_code
        and {{ month_start("day_values.day") }} = deliveries.month_start
    where deliveries.days_loaded > 0
    group by all

),

spans as (
    {%- for period, (first_day, last_day) in days_of.items() %}

    select
        force_code,
        amount,
        '{{ period }}' as period,
        {{ month_start(last_day) }} as month_start,
        {{ first_day }} as first_day,
        value,
        events
    from day_values

    union all
    {%- endfor %}

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

),

ranked as (
    {{- ranked_values("span_values", ["force_code", "amount", "period", "month_start", "first_day"]) }}
)

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
