with

figures as (select * from {{ ref("int_contact_monthly") }}),

types as (

    select
        measure,
        name as contact_type
    from {{ ref("measure_catalogue") }}
    where breakdown = 'contact_type'

),

-- The figure to explain, of all other contacts, decides which months have rows and which of them are known. Some contact
-- types also have their own system, and a figure of that system.
entries as (

    select
        others.force_code,
        others.month_start,
        types.contact_type,
        others.value as other_contacts_in_all,
        others.is_provisional,
        others.share_of_days_loaded,
        case when others.days_loaded > 0 then coalesce(logged.value, 0) end as contacts_in_log,
        case when others.days_loaded > 0 then coalesce(own.value, 0) end as in_own_system
    from figures as others
    cross join types
    left join figures as logged
        on {{ same_columns("others", "logged", ["force_code", "month_start"]) }}
        and types.measure = logged.measure
    left join figures as own
        on {{ same_columns("others", "own", ["force_code", "month_start"]) }}
        and own.measure = case types.contact_type
            when 'online_crime_report' then 'ocr.report_a_crime_submissions'
            when 'live_chat' then 'live_chat.live_chats'
        end
    where others.measure = 'digital.other_than_ocr_and_chat'

)

select
    force_code,
    month_start,
    contact_type,
    cast(contacts_in_log as bigint) as contacts_in_log,
    cast(in_own_system as bigint) as in_own_system,
    cast(contacts_in_log - in_own_system as bigint) as other_contacts,
    {{ ratio("contacts_in_log - in_own_system", "other_contacts_in_all", 100) }} as pct_of_other,
    is_provisional,
    share_of_days_loaded
from entries
