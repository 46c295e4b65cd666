select
    force_code,
    call_id,
    segment_no,
    line,
    arrived_at,
    arrived_date,
    queue_seconds,
    disposition,
    talk_seconds,
    called_back_at,
    operator_id,
    caller_number,
    is_dst_ambiguous,
    extract_date,
    load_id,
    source_row
from {{ ref('call_segments') }}
where {{ is_current('call_segments') }}
