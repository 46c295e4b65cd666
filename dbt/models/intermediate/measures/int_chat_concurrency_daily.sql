with

levels as (

    select * from {{ ref("int_chat_level") }}

),

final as (

    select
        force_code,
        requested_date as day,
        cast(max(held_at_once) as bigint) as max_concurrent_chats
    from levels
    where requested_date is not null
    group by
        force_code,
        requested_date

)

select * from final
