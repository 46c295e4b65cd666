{#- A view: each of its readers aggregates it once, and storing every call again would cost more than it saves. -#}
{{ config(materialized="view") }}

with

calls as (select * from {{ ref("fct_call") }}),

parameters as (select * from {{ ref("int_call_parameter_day") }}),

judged as (

    select
        calls.force_code,
        calls.call_id,
        calls.call_epoch,
        calls.line,
        calls.arrived_at,
        calls.arrived_date,
        calls.caller_number,
        calls.queue_seconds,
        calls.talk_seconds,
        parameters.answer_target_seconds,
        calls.is_answered as is_answered_by_operator,
        -- A call-back does not turn a short abandon into an answered call, because it was not received. A call without
        -- a queue time is not a short abandon: how long the caller waited is not known.
        coalesce(calls.queue_seconds < parameters.short_abandon_seconds, false)
        and not calls.is_answered as is_short_abandon,
        {{ month_start("calls.arrived_date") }} as month_start,
        cast({{ day_of_week("calls.arrived_date") }} as bigint) as day_of_week,
        cast(extract(hour from {{ local_timestamp("calls.arrived_at") }}) as bigint) as hour_of_day,
        calls.is_answered
        or (parameters.called_back_counts_as_answered and calls.called_back_at is not null) as is_answered,
        calls.called_back_at is not null as is_called_back,
        calls.called_back_date = calls.arrived_date as is_called_back_same_day
    from calls
    inner join parameters
        on calls.force_code = parameters.force_code
        and calls.line = parameters.line
        and calls.arrived_date = parameters.arrived_date

),

final as (

    select
        force_code,
        call_id,
        call_epoch,
        line,
        arrived_at,
        arrived_date,
        caller_number,
        month_start,
        day_of_week,
        hour_of_day,
        queue_seconds,
        is_answered_by_operator,
        is_short_abandon,
        'calls_' || line as section,
        1 as received,
        case when queue_seconds is not null then 1 else 0 end as with_queue_time,
        case when is_answered then 1 else 0 end as answered,
        case when is_answered then 0 else 1 end as not_answered,
        case when is_answered then coalesce(queue_seconds, 0) else 0 end as queue_seconds_answered,
        case when is_answered then talk_seconds else 0 end as talk_seconds_answered,
        -- Strictly under the target: a call answered at 10.000 seconds missed it.
        case when is_answered and queue_seconds < answer_target_seconds then 1 else 0 end as answered_within_target,
        case when not is_answered and is_called_back then 1 else 0 end as called_back,
        case when not is_answered and is_called_back_same_day then 1 else 0 end as called_back_same_day
    from judged

)

select * from final
