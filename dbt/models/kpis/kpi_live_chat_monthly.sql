with

measure_months as (

    select * from {{ ref("int_measure_monthly") }}

),

chosen as (

    select * from measure_months
    where measure in (
        'live_chat.live_chats',
        'live_chat.accepted',
        'live_chat.pct_not_accepted',
        'live_chat.avg_wait_time',
        'live_chat.avg_duration',
        'live_chat.chats_per_operator_hour',
        'live_chat.avg_concurrent_chats',
        'live_chat.max_concurrent_chats'
    )

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(month_start as date) as month_start,
        {{ measure_value("live_chat.live_chats", "bigint") }} as live_chats,
        {{ measure_value("live_chat.accepted", "bigint") }} as accepted,
        {{ measure_value("live_chat.pct_not_accepted") }} as pct_not_accepted,
        {{ measure_value("live_chat.avg_wait_time") }} as avg_wait_seconds,
        {{ measure_value("live_chat.avg_duration") }} as avg_duration_seconds,
        {{ measure_value("live_chat.chats_per_operator_hour") }} as chats_per_operator_hour,
        {{ measure_value("live_chat.avg_concurrent_chats") }} as avg_concurrent_chats,
        {{ measure_value("live_chat.max_concurrent_chats", "bigint") }} as max_concurrent_chats,
        cast(max(case when is_provisional then 1 else 0 end) = 1 as boolean) as is_provisional,
        cast(min(share_of_days_loaded) as decimal(38, 6)) as share_of_days_loaded
    from chosen
    group by
        force_code,
        month_start

)

select * from final
