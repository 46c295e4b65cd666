with

quarantined as (select * from {{ source("audit", "quarantine") }}),

loads as (select * from {{ source("audit", "load") }}),

deliveries as (select * from {{ ref("deliveries") }}),

-- A rejected delivery is current until its day is delivered again or it is withdrawn; an accepted one until a
-- correction replaces it.
current_loads as (

    select loads.load_id
    from loads
    inner join deliveries
        on {{ same_columns("loads", "deliveries", ["source", "extract_date"]) }}
    where
        loads.status in ('loaded', 'empty')
        or (
            loads.status = 'rejected'
            and loads.withdrawn_at is null
            and deliveries.status = 'rejected'
            and loads.run_id = deliveries.run_id
        )

)

select
    quarantined.load_id,
    quarantined.source,
    quarantined.force_code,
    quarantined.extract_date,
    quarantined.file_name,
    quarantined.source_row,
    quarantined.column_name,
    quarantined.reason_code,
    quarantined.reason
from quarantined
inner join current_loads
    on quarantined.load_id = current_loads.load_id
