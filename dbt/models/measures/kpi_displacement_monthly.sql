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

unanswered_calls as (select * from {{ ref("int_caller_return") }}),

deliveries as (select * from {{ ref("int_measure_delivery") }}),

grouped as (

    select
        force_code,
        month_start,
        count(*) as not_answered,
        sum(has_caller) as with_caller,
        count(first_channel) as came_back,
        sum(came_back_101) as came_back_101,
        sum(came_back_999) as came_back_999,
        sum(came_back_digital) as came_back_digital,
        sum(case when first_channel = '101' then 1 end) as first_came_back_101,
        sum(case when first_channel = '999' then 1 end) as first_came_back_999,
        sum(case when first_channel = 'digital' then 1 end) as first_came_back_digital,
        sum(answered_on_return) as answered_on_return
    from unanswered_calls
    group by all

),

-- Both calls and digital contacts must be delivered: without the contacts, returns by a digital contact cannot be
-- found.
summed as (

    select
        deliveries.force_code,
        deliveries.month_start,
        deliveries.days_in_month,
        deliveries.days_loaded,
        {%- for part in sums %}
        case when deliveries.days_loaded > 0 then coalesce(grouped.{{ part }}, 0) end as {{ part }}{{ "," if not loop.last }}
        {%- endfor %}
    from deliveries
    left join grouped
        on
            deliveries.force_code = grouped.force_code
            and deliveries.month_start = grouped.month_start
    where deliveries.measure = 'demand.non_emergency'

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(month_start as date) as month_start,
        {%- for part in sums %}
        cast({{ part }} as bigint) as {{ part }},
        {%- endfor %}
        {{ ratio("came_back", "with_caller", 100) }} as pct_came_back,
        {{ ratio("came_back_999", "with_caller", 100) }} as pct_came_back_999,
        cast(days_loaded < days_in_month as boolean) as is_provisional,
        {{ ratio("days_loaded", "days_in_month", 100) }} as share_of_days_loaded
    from summed

)

select * from final
