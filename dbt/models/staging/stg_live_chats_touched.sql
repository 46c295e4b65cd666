with

chats as (
    select * from {{ source("raw", "live_chats") }}
),

pending_loads as (
    select load_id
    from {{ source("audit", "pending_load") }}
    where source = 'live_chats'
),

final as (
    select distinct
        cast(chats.force_code as {{ dbt.type_string() }}) as force_code,
        cast(chats.chat_id as {{ dbt.type_string() }}) as chat_id
    from chats
    inner join pending_loads
        on chats.load_id = pending_loads.load_id
)

select * from final
