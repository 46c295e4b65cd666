with

segments as (
    select * from {{ source("raw", "call_segments") }}
),

pending_loads as (
    select load_id
    from {{ source("audit", "pending_load") }}
    where source = 'call_segments'
),

final as (
    select distinct
        cast(segments.force_code as {{ dbt.type_string() }}) as force_code,
        cast(segments.call_id as {{ dbt.type_string() }}) as call_id,
        cast(segments.segment_no as bigint) as segment_no
    from segments
    inner join pending_loads
        on segments.load_id = pending_loads.load_id
)

select * from final
