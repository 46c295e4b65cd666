select
    source,
    extract_date,
    cast(row_number() over (
        partition by source, extract_date
        order by change_seq asc nulls last
    ) as bigint) as correction_no,
    rows_before,
    rows_after,
    rows_added,
    rows_removed,
    rows_changed,
    changed_columns,
    corrected_at,
    run_id
from {{ source("audit", "correction") }}
