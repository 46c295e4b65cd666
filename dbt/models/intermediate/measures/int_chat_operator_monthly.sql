with

chats as (

    select * from {{ ref("fct_live_chat") }}

),

operator_time as (

    select * from {{ ref("int_chat_operator_time") }}

),

levels as (

    select * from {{ ref("int_chat_operator_level_monthly") }}

),

accepted as (

    select
        force_code,
        operator_id,
        {{ month_start("requested_date") }} as month_start,
        min(requested_date) as first_requested_date,
        count(*) as accepted_chats,
        sum(duration_seconds) as chat_seconds
    from chats
    where is_accepted and operator_id is not null
    group by
        force_code,
        operator_id,
        {{ month_start("requested_date") }}

),

busy as (

    select
        force_code,
        operator_id,
        month_start,
        sum(operator_seconds) as operator_seconds
    from operator_time
    group by
        force_code,
        operator_id,
        month_start

),

held_at_once as (

    select
        force_code,
        operator_id,
        month_start,
        max(concurrent_chats) as max_concurrent_chats,
        max(case when concurrent_chats = 1 then operator_seconds end) as operator_seconds_single,
        sum(case when concurrent_chats > 1 then operator_seconds end) as operator_seconds_several
    from levels
    group by
        force_code,
        operator_id,
        month_start

),

-- An operator whose sessions all ended in the instant of their acceptance never held one, and has no level.
final as (

    select
        accepted.force_code,
        accepted.operator_id,
        accepted.month_start,
        accepted.first_requested_date,
        cast(accepted.accepted_chats as bigint) as accepted_chats,
        cast(accepted.chat_seconds as decimal(38, 6)) as chat_seconds,
        cast(busy.operator_seconds as decimal(38, 6)) as operator_seconds,
        cast(coalesce(held_at_once.operator_seconds_single, 0) as decimal(38, 6)) as operator_seconds_single,
        cast(coalesce(held_at_once.operator_seconds_several, 0) as decimal(38, 6)) as operator_seconds_several,
        cast(coalesce(held_at_once.max_concurrent_chats, 0) as bigint) as max_concurrent_chats,
        coalesce(held_at_once.max_concurrent_chats >= 2, false) as holds_several
    from accepted
    inner join busy
        on accepted.force_code = busy.force_code
        and accepted.operator_id = busy.operator_id
        and accepted.month_start = busy.month_start
    left join held_at_once
        on accepted.force_code = held_at_once.force_code
        and accepted.operator_id = held_at_once.operator_id
        and accepted.month_start = held_at_once.month_start

)

select * from final
