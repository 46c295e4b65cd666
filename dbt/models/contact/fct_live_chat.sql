{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_live_chats_rows') }}") }}

with

chats as (
    {{- latest_rows(ref("stg_live_chats"), key=["force_code", "chat_id", "chat_epoch"], changed="chg_live_chats_rows") }}
)

select
    cast(force_code as {{ dbt.type_string() }}) as force_code,
    cast(chat_id as {{ dbt.type_string() }}) as chat_id,
    cast(chat_epoch as bigint) as chat_epoch,
    cast(requested_at as timestamp) as requested_at,
    cast(requested_date as date) as requested_date,
    cast(accepted_at as timestamp) as accepted_at,
    cast(ended_at as timestamp) as ended_at,
    cast(accepted_at is not null as boolean) as is_accepted,
    {{ seconds_between("requested_at", "accepted_at") }} as wait_seconds,
    {{ seconds_between("accepted_at", "ended_at") }} as duration_seconds,
    cast(operator_id as bigint) as operator_id,
    cast(topic as {{ dbt.type_string() }}) as topic,
    cast(created_incident as boolean) as created_incident,
    cast(is_dst_ambiguous as boolean) as is_dst_ambiguous,
    cast(extract_date as date) as extract_date,
    cast(load_id as bigint) as load_id,
    cast(source_row as bigint) as source_row
from chats
