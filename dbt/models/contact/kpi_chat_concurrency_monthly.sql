with

levels as (

    select
        force_code,
        month_start,
        concurrent_chats,
        cast(sum(operator_seconds) as decimal(38, 6)) as operator_seconds
    from {{ ref("int_chat_concurrency_daily") }}
    group by all
    having sum(operator_seconds) > 0

),

deliveries as (

    select *
    from {{ ref("int_measure_delivery") }}
    where measure = 'live_chat.accepted' and days_loaded > 0

),

with_total as (

    select
        *,
        sum(operator_seconds) over (partition by force_code, month_start) as operator_seconds_in_all,
        sum(operator_seconds) over (
            partition by force_code, month_start
            order by concurrent_chats desc nulls last
        ) as operator_seconds_or_more
    from levels

)

select
    with_total.force_code,
    with_total.month_start,
    with_total.concurrent_chats,
    with_total.operator_seconds,
    {{ ratio("with_total.operator_seconds", "with_total.operator_seconds_in_all", 100) }} as pct_of_operator_time,
    {{ ratio("with_total.operator_seconds_or_more", "with_total.operator_seconds_in_all", 100) }}
        as pct_of_operator_time_or_more,
    deliveries.is_provisional,
    deliveries.share_of_days_loaded
from with_total
inner join deliveries
    on {{ same_columns("with_total", "deliveries", ["force_code", "month_start"]) }}
