with

chats as (

    select * from {{ ref("fct_live_chat") }}

),

held as (

    select
        force_code,
        operator_id,
        accepted_at,
        ended_at,
        {{ month_start("requested_date") }} as month_start
    from chats
    where is_accepted and operator_id is not null

),

changes as (

    select
        force_code,
        operator_id,
        month_start,
        accepted_at as changed_at,
        1 as change
    from held

    union all

    select
        force_code,
        operator_id,
        month_start,
        ended_at as changed_at,
        -1 as change
    from held

),

-- An end comes before a start of the same instant: the sessions touch, they are not held at once.
running as (

    select
        force_code,
        month_start,
        sum(change) over (
            partition by force_code, operator_id, month_start
            order by changed_at asc nulls last, change asc nulls last
            rows between unbounded preceding and current row
        ) as held_at_once
    from changes

),

final as (

    select
        force_code,
        month_start,
        cast(max(held_at_once) as bigint) as max_concurrent_chats
    from running
    group by
        force_code,
        month_start

)

select * from final
