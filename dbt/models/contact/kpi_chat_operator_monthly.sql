{{ config(
    meta={"archive": {"day": "month_start", "sources": ["live_chats"]}},
    post_hook="{{ keep_archived() }}",
) }}

with

operator_months as (select * from {{ ref("int_chat_operator_monthly") }}),

deliveries as (select * from {{ ref("int_measure_delivery") }}),

final as (

    select
        cast(operator_months.force_code as {{ dbt.type_string() }}) as force_code,
        cast(operator_months.operator_id as bigint) as operator_id,
        cast(operator_months.month_start as date) as month_start,
        cast(operator_months.accepted_chats as bigint) as accepted_chats,
        {{ ratio("operator_months.operator_seconds", "3600") }} as operator_hours,
        {{ ratio("operator_months.chat_seconds", "3600") }} as chat_hours,
        {{ ratio("operator_months.chat_seconds", "operator_months.operator_seconds") }} as avg_concurrent_chats,
        cast(operator_months.max_concurrent_chats as bigint) as max_concurrent_chats,
        {{ ratio("operator_months.operator_seconds_several", "3600") }} as operator_hours_several,
        {{ ratio("operator_months.operator_seconds_several", "operator_months.operator_seconds", 100) }} as pct_time_several,
        cast(operator_months.holds_several as boolean) as holds_several,
        cast(deliveries.days_loaded < deliveries.days_in_month as boolean) as is_provisional,
        {{ ratio("deliveries.days_loaded", "deliveries.days_in_month", 100) }} as share_of_days_loaded
    from operator_months
    inner join deliveries
        on operator_months.force_code = deliveries.force_code
        and operator_months.month_start = deliveries.month_start
    where deliveries.measure = 'live_chat.accepted' and deliveries.days_loaded > 0

)

select * from final
