select
    force_code,
    chat_id,
    requested_at,
    requested_date,
    accepted_at,
    ended_at,
    accepted_at is not null as is_accepted,
    seconds_between(requested_at, accepted_at) as wait_seconds,
    seconds_between(accepted_at, ended_at) as duration_seconds,
    operator_id,
    topic,
    created_incident,
    is_dst_ambiguous,
    extract_date,
    load_id,
    source_row
from {{ ref('live_chats') }}
where {{ is_current('live_chats') }}
