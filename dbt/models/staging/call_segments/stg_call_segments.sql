with

segments as (select * from {{ source("raw", "call_segments") }}),

current_loads as (
    select
        load_id,
        coalesce(key_epoch, 0) as key_epoch
    from {{ source("audit", "load") }}
    where source = 'call_segments' and status = 'loaded'
),

final as (
    select
        cast(segments.force_code as {{ dbt.type_string() }}) as force_code,
        cast(segments.call_id as {{ dbt.type_string() }}) as call_id,
        cast(current_loads.key_epoch as bigint) as call_epoch,
        cast(segments.segment_no as bigint) as segment_no,
        cast(segments.line as {{ dbt.type_string() }}) as line,
        cast(segments.arrived_at as timestamp) as arrived_at,
        {{ local_date("segments.arrived_at") }} as arrived_date,
        cast(segments.utc_offset_minutes as bigint) as utc_offset_minutes,
        cast(segments.queue_seconds as decimal(18, 6)) as queue_seconds,
        cast(segments.disposition as {{ dbt.type_string() }}) as disposition,
        cast(segments.talk_seconds as decimal(18, 6)) as talk_seconds,
        cast(segments.called_back_at as timestamp) as called_back_at,
        {{ local_date("segments.called_back_at") }} as called_back_date,
        cast(segments.operator_id as bigint) as operator_id,
        cast(segments.caller_number as bigint) as caller_number,
        cast(segments.is_dst_ambiguous as boolean) as is_dst_ambiguous,
        cast(segments.extract_date as date) as extract_date,
        cast(segments.load_id as bigint) as load_id,
        cast(segments.source_row as bigint) as source_row
    from segments
    inner join current_loads
        on segments.load_id = current_loads.load_id
)

select * from final
