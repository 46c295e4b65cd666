{%- set sources = ["call_segments", "digital_contacts"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

{#- A return is a microsecond or more later and less than 24 hours later. A window over the caller's own events instead
    of a join of each call with each later one: withheld numbers can share one surrogate, and 100,000 calls of one
    caller would make 5 * 10^9 pairs. -#}
{%- set within_a_day -%}
over (
            partition by force_code, caller
            order by at_microseconds asc nulls last
            range between 1 following and 86399999999 following
        )
{%- endset -%}

with
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent

calls as (select * from {{ ref("int_call_judged") }}),

contacts as (select * from {{ ref("fct_digital_contact") }}),

-- Read separately and not from the calls below: DuckDB would materialise all calls, although three readers need only
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

-- Calls on reported lines. A short abandon has no outcome where a force does not count it; it still is a return.
judged as (

    select
        force_code,
        call_id,
        call_epoch,
        line,
        caller_number,
        cast(arrived_at as date) as utc_date,
        {{ microseconds("arrived_at") }} as at_microseconds,
        case when not is_short_abandon then answered end as answered
    from calls
    where
        line in ('101', '999')
        {{ in_changed_months("and", "arrived_date", sources) }}

),

-- Days, in UTC, on which a return is possible. Most events are on other days and need not be sorted.
return_days as (

    select
        force_code,
        caller_number as caller,
        utc_date
    from unanswered

    union

    select
        force_code,
        caller_number as caller,
        {{ date_plus("utc_date", 1, "day") }} as utc_date
    from unanswered

),

events as (

    select
        return_days.force_code,
        return_days.caller,
        judged.call_id,
        judged.call_epoch,
        judged.line as channel,
        judged.at_microseconds,
        judged.answered
    from judged
    inner join return_days
        on judged.force_code = return_days.force_code
        and judged.caller_number = return_days.caller
        and judged.utc_date = return_days.utc_date

    union all

    select
        return_days.force_code,
        return_days.caller,
        cast(null as {{ dbt.type_string() }}) as call_id,
        cast(null as bigint) as call_epoch,
        'digital' as channel,
        {{ microseconds("contacts.received_at") }} as at_microseconds,
        1 as answered
    from contacts
    inner join return_days
        on contacts.force_code = return_days.force_code
        and contacts.linked_reference = return_days.caller
        and cast(contacts.received_at as date) = return_days.utc_date
    where
        contacts.is_public_demand
        {{ in_changed_months("and", "contacts.received_date", sources) }}

),

returns as (

    select
        force_code,
        call_id,
        call_epoch,
        min(case when channel = '101' then at_microseconds end) {{ within_a_day }} as first_101,
        min(case when channel = '999' then at_microseconds end) {{ within_a_day }} as first_999,
        min(case when channel = 'digital' then at_microseconds end) {{ within_a_day }} as first_digital,
        max(answered) {{ within_a_day }} as answered
    from events

),

final as (

    select
        unanswered.force_code,
        unanswered.call_id,
        unanswered.call_epoch,
        unanswered.month_start,
        case when unanswered.caller_number is not null then 1 else 0 end as has_caller,
        case when returns.first_101 is not null then 1 else 0 end as came_back_101,
        case when returns.first_999 is not null then 1 else 0 end as came_back_999,
        case when returns.first_digital is not null then 1 else 0 end as came_back_digital,
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
        on unanswered.force_code = returns.force_code
        and unanswered.call_id = returns.call_id
        and unanswered.call_epoch = returns.call_epoch

)

select * from final
