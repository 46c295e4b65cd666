with

chats as (select * from {{ source("raw", "live_chats") }}),

current_loads as (
    select
        load_id,
        coalesce(key_epoch, 0) as key_epoch
    from {{ source("audit", "load") }}
    where source = 'live_chats' and status = 'loaded'
),

final as (
    select
        cast(chats.force_code as {{ dbt.type_string() }}) as force_code,
        cast(chats.chat_id as {{ dbt.type_string() }}) as chat_id,
        cast(current_loads.key_epoch as bigint) as chat_epoch,
        cast(chats.requested_at as timestamp) as requested_at,
        {{ local_date("chats.requested_at") }} as requested_date,
        cast(chats.accepted_at as timestamp) as accepted_at,
        cast(chats.ended_at as timestamp) as ended_at,
        cast(chats.operator_id as bigint) as operator_id,
        cast(chats.topic as {{ dbt.type_string() }}) as topic,
        cast(chats.created_incident as boolean) as created_incident,
        cast(chats.is_dst_ambiguous as boolean) as is_dst_ambiguous,
        cast(chats.extract_date as date) as extract_date,
        cast(chats.load_id as bigint) as load_id,
        cast(chats.source_row as bigint) as source_row
    from chats
    inner join current_loads
        on chats.load_id = current_loads.load_id
)

select * from final
