-- Expectations of the contract that look at rows.
select
    count(*) filter (
        force_code is null or submission_id is null or service is null or submitted_at is null
    ) as required_columns_are_filled,
    count(*) - count(distinct hash(extract_date, force_code, submission_id)) as key_occurs_once,
    count(*) filter (
        service not in ('report_a_crime', 'missing_person', 'sexual_offence', 'rural_crime')
    ) as service_is_in_its_list,
    count(*) filter (started_at > submitted_at) as started_at_is_not_after_submitted_at
from raw.online_crime_reports;

select
    count(*) - count(distinct hash(force_code, submission_id)) as unique_grain,
    count(*) filter (
        force_code is null or submission_id is null or service is null or submitted_at is null
        or submitted_date is null or extract_date is null or load_id is null or source_row is null
    ) as not_null_columns,
    count(*) filter (
        service not in ('report_a_crime', 'missing_person', 'sexual_offence', 'rural_crime')
    ) as service_accepted_values,
    count(*) filter (force_code not in (select force_code from reference.police_forces)) as force_relationships
from marts.fct_online_crime_report
