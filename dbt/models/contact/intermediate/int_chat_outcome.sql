{#- A view: it is read once a night, and writing every chat a second time would cost more than it saves. -#}
{{ config(materialized="view") }}

with

chats as (select * from {{ ref("fct_live_chat") }}),

final as (

    select
        force_code,
        chat_id,
        chat_epoch,
        requested_date,
        accepted_at,
        ended_at,
        operator_id,
        load_id,
        source_row,
        1 as requested,
        case when is_accepted then 1 else 0 end as accepted,
        case when is_accepted then 0 else 1 end as not_accepted,
        case when is_accepted then wait_seconds else 0 end as wait_seconds,
        case when is_accepted then duration_seconds else 0 end as duration_seconds,
        case when is_accepted and operator_id is not null then 1 else 0 end as accepted_with_operator
    from chats

)

select * from final
