with

quarantined as (select * from {{ source("audit", "quarantine") }})

select
    cast(load_id as bigint) as load_id,
    cast(source as {{ dbt.type_string() }}) as source,
    cast(force_code as {{ dbt.type_string() }}) as force_code,
    cast(extract_date as date) as extract_date,
    cast(file_name as {{ dbt.type_string() }}) as file_name,
    cast(source_row as bigint) as source_row,
    cast(column_name as {{ dbt.type_string() }}) as column_name,
    cast(reason_code as {{ dbt.type_string() }}) as reason_code,
    cast(reason as {{ dbt.type_string() }}) as reason
from quarantined
