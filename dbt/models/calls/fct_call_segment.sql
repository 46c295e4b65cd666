{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_call_segments_rows') }}") }}

with

segments as (
    {{- latest_rows(
        "call_segments",
        key=["force_code", "call_id"],
        part="segment_no",
        time="arrived_at",
        epoch="call_epoch",
    ) }}
)

select
    cast(force_code as {{ dbt.type_string() }}) as force_code,
    cast(call_id as {{ dbt.type_string() }}) as call_id,
    cast(call_epoch as bigint) as call_epoch,
    cast(segment_no as bigint) as segment_no,
    cast(line as {{ dbt.type_string() }}) as line,
    cast(arrived_at as timestamp) as arrived_at,
    cast(arrived_date as date) as arrived_date,
    cast(queue_seconds as decimal(18, 6)) as queue_seconds,
    cast(disposition as {{ dbt.type_string() }}) as disposition,
    cast(talk_seconds as decimal(18, 6)) as talk_seconds,
    cast(called_back_at as timestamp) as called_back_at,
    cast(operator_id as bigint) as operator_id,
    cast(caller_number as bigint) as caller_number,
    cast(is_dst_ambiguous as boolean) as is_dst_ambiguous,
    cast(extract_date as date) as extract_date,
    cast(load_id as bigint) as load_id,
    cast(source_row as bigint) as source_row
from segments
