-- Expectations of the contract that look at rows.
select
    count(*) filter (
        force_code is null or crime_ref is null or updated_at is null or recorded_at is null or offence_code is null
        or status is null
    ) as required_columns_are_filled,
    count(*) - count(distinct hash(extract_date, force_code, crime_ref, updated_at)) as key_occurs_once,
    count(*) filter (status not in ('recorded', 'cancelled')) as status_is_in_its_list,
    count(*) filter (cancelled_at < recorded_at) as cancelled_at_is_not_before_recorded_at,
    count(*) filter (cancelled_at is null and status = 'cancelled') as cancelled_at_is_filled_when_required,
    count(*) filter (cancel_code not in ('C1', 'C2', 'C3', 'C4', 'C5')) as cancel_code_is_in_its_list,
    count(*) filter (
        report_channel not in ('999', '101', 'online', 'live_chat', 'front_counter', 'officer', 'other')
    ) as report_channel_is_in_its_list
from raw.crimes;

select
    count(*) - count(distinct hash(force_code, crime_ref, updated_at)) as unique_grain,
    count(*) filter (
        force_code is null or crime_ref is null or updated_at is null or updated_date is null or recorded_at is null
        or recorded_date is null or offence_code is null or status is null or is_current is null
        or extract_date is null or load_id is null or source_row is null
    ) as not_null_columns,
    count(*) filter (status not in ('recorded', 'cancelled')) as status_accepted_values,
    count(*) filter (force_code not in (select force_code from reference.police_forces)) as force_relationships,
    count(*) filter (offence_code not in (select offence_code from reference.offences)) as offence_relationships,
    count(*) filter (
        not exists (
            from marts.fct_crime as crimes
            where crimes.force_code = states.force_code and crimes.crime_ref = states.crime_ref
        )
    ) as has_parent
from marts.fct_crime_status as states;

select
    count(*) - count(distinct hash(force_code, crime_ref)) as unique_grain,
    count(*) filter (
        force_code is null or crime_ref is null or recorded_at is null or recorded_date is null
        or offence_code is null or status is null or is_cancelled is null or updated_at is null
        or extract_date is null or load_id is null or source_row is null
    ) as not_null_columns,
    count(*) filter (force_code not in (select force_code from reference.police_forces)) as force_relationships,
    count(*) filter (offence_code not in (select offence_code from reference.offences)) as offence_relationships
from marts.fct_crime
