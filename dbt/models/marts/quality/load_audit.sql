select
    load_id,
    source,
    extract_date,
    file_name,
    file_sha256,
    rows_read,
    rows_loaded,
    rows_quarantined,
    status,
    reason,
    warnings,
    is_synthetic,
    loaded_at,
    run_id,
    withdrawn_at
from {{ ref("stg_loads") }}
