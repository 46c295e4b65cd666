-- With all columns of the warehouse's own table, which models of the project read.
with lost as (
    select
        load_id,
        count(*) as rows_quarantined
    from {{ ref('quarantine') }}
    group by load_id
)

select
    load_id,
    source,
    extract_date,
    file_name,
    cast(null as varchar) as file_sha256,
    rows_read,
    rows_read - coalesce(rows_quarantined, 0) as rows_loaded,
    coalesce(rows_quarantined, 0) as rows_quarantined,
    'loaded' as status,
    cast(null as varchar) as reason,
    cast(null as varchar) as warnings,
    true as is_synthetic,
    cast(null as varchar) as contract_version,
    cast(current_timestamp as timestamp) as loaded_at,
    'reference' as run_id,
    cast(1 as bigint) as change_seq,
    cast(null as varchar) as error_code,
    cast(null as timestamp) as withdrawn_at
from {{ ref('counted_files') }}
left join lost using (load_id)
