{%- set sources = ["call_segments", "digital_contacts"] -%}
{#- Bits of how a caller came back; a return has at least one of the first three. -#}
{%- set bits = {"came_back": 7, "came_back_101": 1, "came_back_999": 2, "came_back_digital": 4, "answered_on_return": 8} -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

-- Calls on reported lines, and digital contacts of the public. A short abandon has no outcome where a force does not
-- count it; it still is a return.
events as (

    select
        force_code,
        caller_number as caller,
        month_start,
        {{ microseconds("arrived_at") }} as at_microseconds,
        line = '101' and not_answered = 1 and not is_short_abandon as is_unanswered,
        case line when '101' then 1 else 2 end
        + case when answered = 1 and not is_short_abandon then 8 else 0 end as way
    from {{ ref("int_call_judged") }}
    where
        line in ('101', '999')
        {{ in_changed_months("and", "arrived_date", sources) }}

    union all

    select
        force_code,
        linked_reference as caller,
        cast(null as date) as month_start,
        {{ microseconds("received_at") }} as at_microseconds,
        false as is_unanswered,
        4 + 8 as way
    from {{ ref("fct_digital_contact") }}
    where
        is_public_demand
        {{ in_changed_months("and", "received_date", sources) }}

),

-- A return is a microsecond or more later and less than 24 hours later. A window over the caller's own events instead of
-- a join of each call with each later one: withheld numbers can share one surrogate, and 100,000 calls of one caller would
-- make 5 * 10^9 pairs. One window for all bits, since each costs as much again.
-- Each unknown caller is another one: by a negative number, which is no surrogate.
returns as (

    select
        *,
        bit_or(way) over (
            partition by force_code, coalesce(caller, -at_microseconds)
            order by at_microseconds asc nulls last
            range between 1 following and 86399999999 following
        ) as ways
    from events

)

select
    force_code,
    month_start,
    count(*) as not_answered,
    count(caller) as with_caller,
    {%- for column, bit in bits.items() %}
    count(case when (ways & {{ bit }}) > 0 then 1 end) as {{ column }}{{ "," if not loop.last }}
    {%- endfor %}
from returns
where is_unanswered
group by all
