with

measure_months as (select * from {{ ref("int_measure_monthly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

-- Contact types that also have their own system, and the figure of that system.
types as (

    select
        measure,
        name as contact_type,
        case
            when name = 'online_crime_report' then 'ocr.report_a_crime_submissions'
            when name = 'live_chat' then 'live_chat.live_chats'
        end as own_measure
    from measures
    where breakdown = 'contact_type'

),

-- The figure to explain: it decides which months have rows and which of them are known.
remainders as (

    select * from measure_months
    where measure = 'digital.other_than_ocr_and_chat'

),

entries as (

    select
        remainders.force_code,
        remainders.month_start,
        types.contact_type,
        remainders.value as other_in_all,
        remainders.is_provisional,
        remainders.share_of_days_loaded,
        case when remainders.is_delivered then coalesce(logged.value, 0) end as contacts_in_log,
        case when remainders.is_delivered then coalesce(own.value, 0) end as in_own_system
    from remainders
    cross join types
    left join measure_months as logged
        on remainders.force_code = logged.force_code
        and remainders.month_start = logged.month_start
        and types.measure = logged.measure
    left join measure_months as own
        on remainders.force_code = own.force_code
        and remainders.month_start = own.month_start
        and types.own_measure = own.measure

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(month_start as date) as month_start,
        cast(contact_type as {{ dbt.type_string() }}) as contact_type,
        cast(contacts_in_log as bigint) as contacts_in_log,
        cast(in_own_system as bigint) as in_own_system,
        cast(contacts_in_log - in_own_system as bigint) as other_contacts,
        {{ ratio("contacts_in_log - in_own_system", "other_in_all", 100) }} as pct_of_other,
        cast(is_provisional as boolean) as is_provisional,
        cast(share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded
    from entries

)

select * from final
