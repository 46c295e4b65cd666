-- Expectations of the contract that look at rows.
select
    count(*) filter (
        force_code is null or contact_id is null or contact_type is null or received_at is null
    ) as required_columns_are_filled,
    count(*) - count(distinct hash(extract_date, force_code, contact_id)) as key_occurs_once,
    count(*) filter (
        contact_type not in (
            'online_crime_report', 'live_chat', 'asb_report', 'road_traffic_report', 'missing_person_report',
            'sexual_offence_report', 'rural_crime_report', 'contact_form', 'email', 'social_media', 'other'
        )
    ) as contact_type_is_in_its_list
from raw.digital_contacts;

select
    count(*) - count(distinct hash(force_code, contact_id)) as unique_grain,
    count(*) filter (
        force_code is null or contact_id is null or contact_type is null or received_at is null
        or received_date is null or from_partner_force is null or is_test is null or is_public_demand is null
        or extract_date is null or load_id is null or source_row is null
    ) as not_null_columns,
    count(*) filter (
        contact_type not in (
            'online_crime_report', 'live_chat', 'asb_report', 'road_traffic_report', 'missing_person_report',
            'sexual_offence_report', 'rural_crime_report', 'contact_form', 'email', 'social_media', 'other'
        )
    ) as contact_type_accepted_values,
    count(*) filter (force_code not in (select force_code from reference.police_forces)) as force_relationships
from marts.fct_digital_contact
