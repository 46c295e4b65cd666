with

figures as (
    {{ measures_by_month(
        {
            "live_chats": "live_chat.live_chats",
            "accepted": "live_chat.accepted",
            "pct_not_accepted": "live_chat.pct_not_accepted",
            "avg_wait_seconds": "live_chat.avg_wait_time",
            "avg_duration_seconds": "live_chat.avg_duration",
            "chats_per_operator_hour": "live_chat.chats_per_operator_hour",
            "avg_concurrent_chats": "live_chat.avg_concurrent_chats",
        },
        counts=["live_chats", "accepted"],
        model="int_contact_monthly",
    ) }}
),

deliveries as (

    select *
    from {{ ref("int_measure_delivery") }}
    where measure = 'live_chat.max_concurrent_chats'

),

concurrency as (

    select
        force_code,
        {{ month_start("day") }} as month_start,
        max(value) as max_concurrent_chats
    from {{ ref("int_contact_amount_daily") }}
    where amount = 'live_chat.held_at_once'
    group by all

)

select
    figures.*,
    cast(
        case
            when deliveries.days_loaded > 0 and not deliveries.lacks_columns
                then coalesce(concurrency.max_concurrent_chats, 0)
        end as bigint
    ) as max_concurrent_chats
from figures
inner join deliveries
    on {{ same_columns("figures", "deliveries", ["force_code", "month_start"]) }}
left join concurrency
    on {{ same_columns("figures", "concurrency", ["force_code", "month_start"]) }}
