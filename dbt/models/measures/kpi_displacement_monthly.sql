{%- set sums = [
    "not_answered", "with_caller", "came_back", "came_back_101", "came_back_999", "came_back_digital",
    "first_came_back_101", "first_came_back_999", "first_came_back_digital", "answered_on_return",
] -%}

{{ config(
    meta={"archive": {"day": "month_start", "sources": ["call_segments", "digital_contacts"]}},
    post_hook="{{ keep_archived() }}",
) }}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

-- Both calls and digital contacts must be delivered: without the contacts, returns by a digital contact cannot be
-- found.
deliveries as (

    select * from {{ ref("int_measure_delivery") }}
    where measure = 'demand.non_emergency'

),

summed as (

    select
        force_code,
        month_start,
        count(*) as not_answered,
        sum(has_caller) as with_caller,
        count(first_channel) as came_back,
        {%- for channel in ["101", "999", "digital"] %}
        sum(came_back_{{ channel }}) as came_back_{{ channel }},
        sum(case when first_channel = '{{ channel }}' then 1 end) as first_came_back_{{ channel }},
        {%- endfor %}
        sum(answered_on_return) as answered_on_return
    from {{ ref("int_caller_return") }}
    group by all

),

months as (

    select
        deliveries.force_code,
        deliveries.month_start,
        {%- for part in sums %}
        cast(case when deliveries.days_loaded > 0 then coalesce(summed.{{ part }}, 0) end as bigint) as {{ part }},
        {%- endfor %}
        deliveries.is_provisional,
        deliveries.share_of_days_loaded
    from deliveries
    left join summed
        on {{ same_columns("deliveries", "summed", ["force_code", "month_start"]) }}

)

select
    *,
    {{ ratio("came_back", "with_caller", 100) }} as pct_came_back,
    {{ ratio("came_back_999", "with_caller", 100) }} as pct_came_back_999
from months
