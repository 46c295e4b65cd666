{%- set sums = [
    "not_answered", "with_caller", "came_back", "came_back_101", "came_back_999", "came_back_digital", "answered_on_return",
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

returns as (select * from {{ ref("int_caller_return") }}),

months as (

    select
        deliveries.force_code,
        deliveries.month_start,
        {%- for part in sums %}
        cast(case when deliveries.days_loaded > 0 then coalesce(returns.{{ part }}, 0) end as bigint) as {{ part }},
        {%- endfor %}
        deliveries.is_provisional,
        deliveries.share_of_days_loaded
    from deliveries
    left join returns
        on {{ same_columns("deliveries", "returns", ["force_code", "month_start"]) }}

)

select
    *,
    {{ ratio("came_back", "with_caller", 100) }} as pct_came_back,
    {{ ratio("came_back_999", "with_caller", 100) }} as pct_came_back_999
from months
