-- The states of a crime that has one are its current ones; only of the others the latest is looked for.
with states as (
    select *
    from {{ ref('crimes') }}
    where {{ is_current('crimes') }}
),

several as materialized (
    select
        force_code,
        crime_ref,
        max(updated_at) as updated_at
    from states
    group by force_code, crime_ref
    having count(*) > 1
)

select
    states.force_code,
    states.crime_ref,
    states.updated_at,
    updated_date,
    recorded_at,
    recorded_date,
    offence_code,
    status,
    cancelled_at,
    cancelled_date,
    cancel_code,
    report_channel,
    district,
    coalesce(states.updated_at = several.updated_at, true) as is_current,
    is_dst_ambiguous,
    extract_date,
    load_id,
    source_row
from states
left join several on states.force_code = several.force_code and states.crime_ref = several.crime_ref
