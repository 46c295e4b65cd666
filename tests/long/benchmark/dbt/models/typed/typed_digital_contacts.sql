with typed as (
    select
        *,
        local_time(received_at) as received_local,
        boolean_of(from_partner_force) as is_from_partner,
        boolean_of(is_test) as is_a_test
    from {{ extract('digital_contacts', [
        'contact_id', 'contact_type', 'received_at', 'from_partner_force', 'is_test', 'linked_reference'
    ]) }}
),

clocked as (
    select *, ahead(received_local) as received_ahead
    from typed
),

resolved as (
    select *, instant(received_local, received_ahead, false) as received
    from clocked
)

select
    {{ force() }} as force_code,
    contact_id,
    contact_type,
    received as received_at,
    cast(received_local as date) as received_date,
    is_from_partner as from_partner_force,
    is_a_test as is_test,
    pseudonym(linked_reference) as linked_reference,
    coalesce(received_ahead = -1, false) as is_dst_ambiguous,
    extract_date,
    load_id,
    row_no,
    case
        when contact_id is null then 'contact_id:required_empty'
        when contact_type is null then 'contact_type:required_empty'
        when contact_type not in (
            'online_crime_report', 'live_chat', 'asb_report', 'road_traffic_report', 'missing_person_report',
            'sexual_offence_report', 'rural_crime_report', 'contact_form', 'email', 'social_media', 'other'
        ) then 'contact_type:not_in_list'
        when received_at is null then 'received_at:required_empty'
        {{ faults_of_time('received_at', 'received_local', 'received') }}
        when is_from_partner is null then 'from_partner_force:not_a_boolean'
        when is_a_test is null then 'is_test:not_a_boolean'
    end as fault
from resolved
join (select * from {{ ref('files') }} where source = 'digital_contacts') as files using (file_no)
