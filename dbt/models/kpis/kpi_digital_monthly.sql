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
        cast(max(case when measure = 'digital.digital_contacts' then value end) as bigint) as digital_contacts,
        cast(max(case when measure = 'ocr.report_a_crime_submissions' then value end) as bigint) as report_a_crime_submissions,
        cast(max(case when measure = 'live_chat.live_chats' then value end) as bigint) as live_chats,
        cast(max(case when measure = 'digital.other_than_ocr_and_chat' then value end) as bigint) as other_than_ocr_and_chat,
        cast(max(case when measure = 'digital.share_of_non_emergency' then value end) as decimal(38, 6)) as share_of_non_emergency,
        cast(max(case when measure = 'demand.non_emergency' then value end) as bigint) as non_emergency_demand,
        cast(max(case when measure = 'demand.total' then value end) as bigint) as total_demand,
        cast(max(case when is_provisional then 1 else 0 end) = 1 as boolean) as is_provisional,
        cast(min(share_of_days_loaded) as decimal(38, 6)) as share_of_days_loaded
    from chosen
    group by
        force_code,
        month_start

)

select * from final
