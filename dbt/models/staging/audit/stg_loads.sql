with

loads as (select * from {{ source("audit", "load") }})

select
    cast(load_id as bigint) as load_id,
    cast(source as {{ dbt.type_string() }}) as source,
    cast(extract_date as date) as extract_date,
    cast(file_name as {{ dbt.type_string() }}) as file_name,
    cast(file_sha256 as {{ dbt.type_string() }}) as file_sha256,
    cast(rows_read as bigint) as rows_read,
    cast(rows_loaded as bigint) as rows_loaded,
    cast(rows_quarantined as bigint) as rows_quarantined,
    cast(coalesce(rows_repeated, 0) as bigint) as rows_repeated,
    cast(coalesce(totals_rows, 0) as bigint) as totals_rows,
    cast(status as {{ dbt.type_string() }}) as status,
    cast(reason as {{ dbt.type_string() }}) as reason,
    cast(accepted_despite as {{ dbt.type_string() }}) as accepted_despite,
    cast(accepted_because as {{ dbt.type_string() }}) as accepted_because,
    cast(rows_expected as bigint) as rows_expected,
    cast(warnings as {{ dbt.type_string() }}) as warnings,
    cast(is_synthetic as boolean) as is_synthetic,
    cast(loaded_at as timestamp) as loaded_at,
    cast(run_id as {{ dbt.type_string() }}) as run_id,
    cast(withdrawn_at as timestamp) as withdrawn_at,
    cast(change_seq as bigint) as change_seq,
    cast(first_change_seq as bigint) as first_change_seq,
    cast(coalesce(key_epoch, 0) as bigint) as key_epoch
from loads
