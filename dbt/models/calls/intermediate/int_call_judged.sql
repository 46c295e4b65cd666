{#- A view: each of its readers aggregates it once, and storing every call again would cost more than it saves. -#}
{{ config(materialized="view") }}

with

calls as (select * from {{ ref("fct_call") }}),

parameters as (select * from {{ ref("call_parameters") }}),

-- A force's own parameters take precedence over those of all forces. The rows of one force do not overlap (dated_list).
judged as (

    select
        calls.*,
        coalesce(own.answer_target_seconds, common.answer_target_seconds) as answer_target_seconds,
        -- A call-back does not turn a short abandon into an answered call, because it was not received. A call without
        -- a queue time is not a short abandon: how long the caller waited is not known.
        not calls.is_answered
        and coalesce(
            calls.queue_seconds < coalesce(own.short_abandon_seconds, common.short_abandon_seconds), false
        ) as is_short_abandon,
        calls.is_answered or (
            calls.called_back_at is not null
            and coalesce(own.called_back_counts_as_answered, common.called_back_counts_as_answered)
        ) as is_answered_or_called_back
    from calls
    left join parameters as own
        on {{ same_columns("calls", "own", ["force_code", "line"]) }}
        and calls.arrived_date between own.valid_from and coalesce(own.valid_to, calls.arrived_date)
    left join parameters as common
        on common.force_code = '*'
        and calls.line = common.line
        and calls.arrived_date between common.valid_from and coalesce(common.valid_to, calls.arrived_date)
    where coalesce(own.line, common.line) is not null

)

select
    force_code,
    call_id,
    call_epoch,
    line,
    arrived_at,
    arrived_date,
    caller_number,
    queue_seconds,
    is_short_abandon,
    is_answered as is_answered_by_operator,
    'calls_' || line as section,
    {{ month_start("arrived_date") }} as month_start,
    cast({{ day_of_week("arrived_date") }} as bigint) as day_of_week,
    arrived_hour as hour_of_day,
    1 as received,
    case when queue_seconds is not null then 1 else 0 end as with_queue_time,
    case when is_answered_or_called_back then 1 else 0 end as answered,
    case when is_answered_or_called_back then 0 else 1 end as not_answered,
    coalesce(queue_seconds, 0) as queue_seconds_all,
    case when is_answered_or_called_back then coalesce(queue_seconds, 0) else 0 end as queue_seconds_answered,
    case when is_answered_or_called_back then talk_seconds else 0 end as talk_seconds_answered,
    -- Strictly under the target: a call answered at 10.000 seconds missed it.
    case when is_answered_or_called_back and queue_seconds < answer_target_seconds then 1 else 0 end
        as answered_within_target,
    case when not is_answered_or_called_back and called_back_at is not null then 1 else 0 end as called_back,
    case when not is_answered_or_called_back and called_back_date = arrived_date then 1 else 0 end
        as called_back_same_day
from judged
