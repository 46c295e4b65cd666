create table raw.digital_contacts as
with typed as (
    select
        *,
        local_time(received_at) as received_local,
        case lower(coalesce(from_partner_force, 'n'))
            when 'y' then true when 'yes' then true when 'true' then true when '1' then true
            when 'n' then false when 'no' then false when 'false' then false when '0' then false
        end as is_from_partner,
        case lower(coalesce(is_test, 'n'))
            when 'y' then true when 'yes' then true when 'true' then true when '1' then true
            when 'n' then false when 'no' then false when 'false' then false when '0' then false
        end as is_a_test
    from {extract}
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
    {force} as force_code,
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
        when
            contact_id is not null and received is not null and is_from_partner is not null and is_a_test is not null
            and contact_type in (
                'online_crime_report', 'live_chat', 'asb_report', 'road_traffic_report', 'missing_person_report',
                'sexual_offence_report', 'rural_crime_report', 'contact_form', 'email', 'social_media', 'other'
            )
            then null
        else coalesce(
            case when contact_id is null then 'contact_id:required_empty' end,
            'contact_type:' || case
                when contact_type is null then 'required_empty'
                when contact_type not in (
                    'online_crime_report', 'live_chat', 'asb_report', 'road_traffic_report', 'missing_person_report',
                    'sexual_offence_report', 'rural_crime_report', 'contact_form', 'email', 'social_media', 'other'
                ) then 'not_in_list'
            end,
            'received_at:' || case
                when received_at is null then 'required_empty'
                else fault_of_time(received_at, received_local, received)
            end,
            case when is_from_partner is null then 'from_partner_force:not_a_boolean' end,
            case when is_a_test is null then 'is_test:not_a_boolean' end
        )
    end as fault
from resolved
join file using (file_index);

{repeated_keys}

create table marts.fct_digital_contact as
select
    force_code,
    contact_id,
    contact_type,
    received_at,
    received_date,
    from_partner_force,
    is_test,
    not from_partner_force and not is_test as is_public_demand,
    linked_reference,
    is_dst_ambiguous,
    extract_date,
    contacts.load_id,
    contacts.row_no - file_rows.first_row + 2 as source_row
from raw.digital_contacts as contacts
join file_rows on contacts.load_id = file_rows.load_id
where fault is null and contacts.row_no not in (select row_no from not_current);
