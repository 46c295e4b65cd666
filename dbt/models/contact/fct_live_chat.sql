{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_live_chats_rows') }}") }}

with

chats as (
    {{- latest_rows(
        "live_chats", key=["force_code", "chat_id"], time="requested_at", epoch="chat_epoch"
    ) }}
)

select
    *,
    accepted_at is not null as is_accepted,
    {{ seconds_between("requested_at", "accepted_at") }} as wait_seconds,
    {{ seconds_between("accepted_at", "ended_at") }} as duration_seconds
from chats
