with

measure_months as (

    select * from {{ ref("int_measure_monthly") }}

),

chosen as (

    select * from measure_months
    where measure in (
        'digital.digital_contacts',
        'ocr.report_a_crime_submissions',
        'live_chat.live_chats',
        'digital.other_than_ocr_and_chat',
        'digital.share_of_non_emergency',
        'demand.non_emergency',
        'demand.total'
    )

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(month_start as date) as month_start,
        {{ measure_value("digital.digital_contacts", "bigint") }} as digital_contacts,
        {{ measure_value("ocr.report_a_crime_submissions", "bigint") }} as report_a_crime_submissions,
        {{ measure_value("live_chat.live_chats", "bigint") }} as live_chats,
        {{ measure_value("digital.other_than_ocr_and_chat", "bigint") }} as other_than_ocr_and_chat,
        {{ measure_value("digital.share_of_non_emergency") }} as share_of_non_emergency,
        {{ measure_value("demand.non_emergency", "bigint") }} as non_emergency_demand,
        {{ measure_value("demand.total", "bigint") }} as total_demand,
        cast(max(case when is_provisional then 1 else 0 end) = 1 as boolean) as is_provisional,
        cast(min(share_of_days_loaded) as decimal(38, 6)) as share_of_days_loaded
    from chosen
    group by
        force_code,
        month_start

)

select * from final
