with

chats as (select * from {{ ref("fct_live_chat") }}),

pieces as (select * from {{ ref("int_chat_piece") }}),

operator_time as (select * from {{ ref("int_chat_operator_time") }}),

levels as (select * from {{ ref("int_chat_operator_level_monthly") }}),

accepted as (

    select
        force_code,
        operator_id,
        {{ month_start("requested_date") }} as month_start,
        min(requested_date) as first_day,
        count(*) as accepted_chats
    from chats
    where is_accepted and operator_id is not null
    group by all

),

held as (

    select
        force_code,
        operator_id,
        month_start,
        min(day) as first_day,
        sum(held_seconds) as chat_seconds
    from pieces
    group by all

),

-- A session that was requested in one month and held in the next counts for its operator in both.
operator_months as (

    select
        force_code,
        operator_id,
        month_start
    from accepted

    union

    select
        force_code,
        operator_id,
        month_start
    from held

),

busy as (

    select
        force_code,
        operator_id,
        month_start,
        sum(operator_seconds) as operator_seconds
    from operator_time
    group by all

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
    group by all

),

-- An operator whose sessions all ended in the instant of their acceptance never held one, and has no level.
final as (

    select
        operator_months.force_code,
        operator_months.operator_id,
        operator_months.month_start,
        -- Of one day and null, least() gives the day.
        least(accepted.first_day, held.first_day) as first_day,
        cast(coalesce(accepted.accepted_chats, 0) as bigint) as accepted_chats,
        cast(coalesce(held.chat_seconds, 0) as decimal(38, 6)) as chat_seconds,
        cast(coalesce(busy.operator_seconds, 0) as decimal(38, 6)) as operator_seconds,
        cast(coalesce(held_at_once.operator_seconds_single, 0) as decimal(38, 6)) as operator_seconds_single,
        cast(coalesce(held_at_once.operator_seconds_several, 0) as decimal(38, 6)) as operator_seconds_several,
        cast(coalesce(held_at_once.max_concurrent_chats, 0) as bigint) as max_concurrent_chats,
        coalesce(held_at_once.max_concurrent_chats >= 2, false) as holds_several
    from operator_months
    left join accepted
        on operator_months.force_code = accepted.force_code
        and operator_months.operator_id = accepted.operator_id
        and operator_months.month_start = accepted.month_start
    left join held
        on operator_months.force_code = held.force_code
        and operator_months.operator_id = held.operator_id
        and operator_months.month_start = held.month_start
    left join busy
        on operator_months.force_code = busy.force_code
        and operator_months.operator_id = busy.operator_id
        and operator_months.month_start = busy.month_start
    left join held_at_once
        on operator_months.force_code = held_at_once.force_code
        and operator_months.operator_id = held_at_once.operator_id
        and operator_months.month_start = held_at_once.month_start

)

select * from final
