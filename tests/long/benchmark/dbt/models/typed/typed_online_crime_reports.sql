with typed as (
    select
        *,
        local_time(started_at) as started_local,
        local_time(submitted_at) as submitted_local
    from {{ extract('online_crime_reports', [
        'submission_id', 'service', 'started_at', 'submitted_at', 'duplicate_of', 'crime_ref'
    ]) }}
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
    {{ force() }} as force_code,
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
        when submission_id is null then 'submission_id:required_empty'
        when service is null then 'service:required_empty'
        when service not in ('report_a_crime', 'missing_person', 'sexual_offence', 'rural_crime')
            then 'service:not_in_list'
        {{ faults_of_time('started_at', 'started_local', 'started') }}
        when started > submitted then 'started_at:out_of_order'
        when submitted_at is null then 'submitted_at:required_empty'
        {{ faults_of_time('submitted_at', 'submitted_local', 'submitted') }}
    end as fault
from resolved
join (select * from {{ ref('files') }} where source = 'online_crime_reports') as files using (file_no)
