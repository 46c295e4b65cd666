with

levels as (select * from {{ ref("int_chat_concurrency_daily") }}),

deliveries as (select * from {{ ref("int_measure_delivery") }}),

summed as (

    select
        force_code,
        month_start,
        concurrent_chats,
        sum(operator_seconds) as operator_seconds
    from levels
    group by all
    having sum(operator_seconds) > 0

),

with_total as (

    select
        *,
        sum(operator_seconds) over (partition by force_code, month_start) as operator_seconds_in_all,
        sum(operator_seconds) over (
            partition by force_code, month_start
            order by concurrent_chats desc nulls last
        ) as operator_seconds_or_more
    from summed

),

final as (

    select
        cast(with_total.force_code as {{ dbt.type_string() }}) as force_code,
        cast(with_total.month_start as date) as month_start,
        cast(with_total.concurrent_chats as bigint) as concurrent_chats,
        cast(with_total.operator_seconds as decimal(38, 6)) as operator_seconds,
        {{ ratio("with_total.operator_seconds", "with_total.operator_seconds_in_all", 100) }} as pct_of_operator_time,
        {{ ratio("with_total.operator_seconds_or_more", "with_total.operator_seconds_in_all", 100) }}
            as pct_of_operator_time_or_more,
        cast(deliveries.days_loaded < deliveries.days_in_month as boolean) as is_provisional,
        {{ ratio("deliveries.days_loaded", "deliveries.days_in_month", 100) }} as share_of_days_loaded
    from with_total
    inner join deliveries
        on with_total.force_code = deliveries.force_code
        and with_total.month_start = deliveries.month_start
    where deliveries.measure = 'live_chat.accepted' and deliveries.days_loaded > 0

)

select * from final
