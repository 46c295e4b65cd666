create table raw.online_crime_reports as
with typed as (
    select
        *,
        local_time(started_at) as started_local,
        local_time(submitted_at) as submitted_local
    from {extract}
),

clocked as (
    select
        *,
        ahead(started_local) as started_ahead,
        ahead(submitted_local) as submitted_ahead
    from typed
),

begun as (
    select *, instant(started_local, started_ahead, false) as started
    from clocked
),

resolved as (
    select
        *,
        instant(submitted_local, submitted_ahead, is_after_start(submitted_local, started)) as submitted,
        coalesce(started_ahead = -1, false)
        or coalesce(submitted_ahead = -1 and not is_after_start(submitted_local, started), false)
            as is_dst_ambiguous
    from begun
)

select
    {force} as force_code,
    submission_id,
    service,
    started as started_at,
    submitted as submitted_at,
    cast(submitted_local as date) as submitted_date,
    duplicate_of,
    pseudonym(crime_ref) as crime_ref,
    is_dst_ambiguous,
    extract_date,
    load_id,
    row_no,
    case
        when
            submission_id is not null and submitted is not null
            and service in ('report_a_crime', 'missing_person', 'sexual_offence', 'rural_crime')
            and (started_at is null or started <= submitted)
            then null
        else coalesce(
            case when submission_id is null then 'submission_id:required_empty' end,
            'service:' || case
                when service is null then 'required_empty'
                when service not in ('report_a_crime', 'missing_person', 'sexual_offence', 'rural_crime')
                    then 'not_in_list'
            end,
            'started_at:' || coalesce(
                fault_of_time(started_at, started_local, started),
                case when started > submitted then 'out_of_order' end
            ),
            'submitted_at:' || case
                when submitted_at is null then 'required_empty'
                else fault_of_time(submitted_at, submitted_local, submitted)
            end
        )
    end as fault
from resolved
join file using (file_index);

{repeated_keys}

create table marts.fct_online_crime_report as
select
    force_code,
    submission_id,
    service,
    started_at,
    submitted_at,
    submitted_date,
    duplicate_of,
    crime_ref,
    is_dst_ambiguous,
    extract_date,
    submissions.load_id,
    submissions.row_no - file_rows.first_row + 2 as source_row
from raw.online_crime_reports as submissions
join file_rows on submissions.load_id = file_rows.load_id
where fault is null and submissions.row_no not in (select row_no from not_current);
