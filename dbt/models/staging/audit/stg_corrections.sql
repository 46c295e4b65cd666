with

corrections as (select * from {{ source("audit", "correction") }})

select
    cast(source as {{ dbt.type_string() }}) as source,
    cast(extract_date as date) as extract_date,
    cast(change_seq as bigint) as change_seq,
    cast(rows_before as bigint) as rows_before,
    cast(rows_after as bigint) as rows_after,
    cast(rows_added as bigint) as rows_added,
    cast(rows_removed as bigint) as rows_removed,
    cast(rows_changed as bigint) as rows_changed,
    cast(changed_columns as {{ dbt.type_string() }}) as changed_columns,
    cast(corrected_at as timestamp) as corrected_at,
    cast(run_id as {{ dbt.type_string() }}) as run_id
from corrections
