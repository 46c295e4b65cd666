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
    load_id,
    source_row
from {{ ref('online_crime_reports') }}
where {{ is_current('online_crime_reports') }}
