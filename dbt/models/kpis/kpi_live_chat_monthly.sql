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
        cast(max(case when measure = 'live_chat.live_chats' then value end) as bigint) as live_chats,
        cast(max(case when measure = 'live_chat.accepted' then value end) as bigint) as accepted,
        cast(max(case when measure = 'live_chat.pct_not_accepted' then value end) as decimal(38, 6)) as pct_not_accepted,
        cast(max(case when measure = 'live_chat.avg_wait_time' then value end) as decimal(38, 6)) as avg_wait_seconds,
        cast(max(case when measure = 'live_chat.avg_duration' then value end) as decimal(38, 6)) as avg_duration_seconds,
        cast(max(case when measure = 'live_chat.chats_per_operator_hour' then value end) as decimal(38, 6)) as chats_per_operator_hour,
        cast(max(case when measure = 'live_chat.avg_concurrent_chats' then value end) as decimal(38, 6)) as avg_concurrent_chats,
        cast(max(case when measure = 'live_chat.max_concurrent_chats' then value end) as bigint) as max_concurrent_chats,
        cast(max(case when is_provisional then 1 else 0 end) = 1 as boolean) as is_provisional,
        cast(min(share_of_days_loaded) as decimal(38, 6)) as share_of_days_loaded
    from chosen
    group by
        force_code,
        month_start

)

select * from final
