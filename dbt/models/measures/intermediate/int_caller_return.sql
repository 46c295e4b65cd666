{%- set sources = ["call_segments", "digital_contacts"] -%}
{%- set channels = ["101", "999", "digital"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

{#- A return is a microsecond or more later and less than 24 hours later. A window over the caller's own events instead
    of a join of each call with each later one: withheld numbers can share one surrogate, and 100,000 calls of one
    caller would make 5 * 10^9 pairs. -#}
{%- set within_a_day -%}
over (
            partition by events.force_code, events.caller
            order by events.at_microseconds asc nulls last
            range between 1 following and 86399999999 following
        )
{%- endset -%}

with
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent

-- Read separately and not from the events below: DuckDB would materialise all calls, although three readers need only
-- one in six. That took twice the time.
unanswered as (

    select
        force_code,
        call_id,
        call_epoch,
        caller_number,
        month_start,
        cast(arrived_at as date) as utc_date
    from {{ ref("int_call_judged") }}
    where
        line = '101'
        and not_answered = 1
        and not is_short_abandon
        {{ in_changed_months("and", "arrived_date", sources) }}

),

-- Calls on reported lines, and digital contacts of the public. A short abandon has no outcome where a force does not
-- count it; it still is a return.
events as (

    select
        force_code,
        caller_number as caller,
        call_id,
        call_epoch,
        line as channel,
        cast(arrived_at as date) as utc_date,
        {{ microseconds("arrived_at") }} as at_microseconds,
        case when not is_short_abandon then answered end as answered
    from {{ ref("int_call_judged") }}
    where
        line in ('101', '999')
        {{ in_changed_months("and", "arrived_date", sources) }}

    union all

    select
        force_code,
        linked_reference as caller,
        cast(null as {{ dbt.type_string() }}) as call_id,
        cast(null as bigint) as call_epoch,
        'digital' as channel,
        cast(received_at as date) as utc_date,
        {{ microseconds("received_at") }} as at_microseconds,
        1 as answered
    from {{ ref("fct_digital_contact") }}
    where
        is_public_demand
        {{ in_changed_months("and", "received_date", sources) }}

),

-- Days, in UTC, on which a return is possible. Most events are on other days and need not be sorted.
return_days as (

    select distinct
        unanswered.force_code,
        unanswered.caller_number as caller,
        {{ date_plus("unanswered.utc_date", "offsets.days_later", "day") }} as utc_date
    from unanswered
    cross join (values (0), (1)) as offsets (days_later)

),

returns as (

    select
        events.force_code,
        events.call_id,
        events.call_epoch,
        {%- for channel in channels %}
        min(case when events.channel = '{{ channel }}' then events.at_microseconds end) {{ within_a_day }}
            as first_{{ channel }},
        {%- endfor %}
        max(events.answered) {{ within_a_day }} as answered
    from events
    inner join return_days
        on {{ same_columns("events", "return_days", ["force_code", "caller", "utc_date"]) }}

)

select
    unanswered.force_code,
    unanswered.call_id,
    unanswered.call_epoch,
    unanswered.month_start,
    case when unanswered.caller_number is not null then 1 else 0 end as has_caller,
    {%- for channel in channels %}
    case when returns.first_{{ channel }} is not null then 1 else 0 end as came_back_{{ channel }},
    {%- endfor %}
    case
        when
            returns.first_999 <= coalesce(returns.first_101, returns.first_999)
            and returns.first_999 <= coalesce(returns.first_digital, returns.first_999)
            then '999'
        when returns.first_101 <= coalesce(returns.first_digital, returns.first_101)
            then '101'
        when returns.first_digital is not null
            then 'digital'
    end as first_channel,
    coalesce(returns.answered, 0) as answered_on_return
from unanswered
left join returns
    on {{ same_columns("unanswered", "returns", ["force_code", "call_id", "call_epoch"]) }}
