select
    force_code,
    crime_ref,
    recorded_at,
    recorded_date,
    offence_code,
    status,
    status = 'cancelled' as is_cancelled,
    case when status = 'cancelled' then cancelled_at end as cancelled_at,
    case when status = 'cancelled' then cancelled_date end as cancelled_date,
    case when status = 'cancelled' then cancel_code end as cancel_code,
    case when status = 'cancelled' then cast(cancelled_date - recorded_date as bigint) end as days_to_cancel,
    report_channel,
    district,
    updated_at,
    is_dst_ambiguous,
    extract_date,
    load_id,
    source_row
from {{ ref('fct_crime_status') }}
where is_current
