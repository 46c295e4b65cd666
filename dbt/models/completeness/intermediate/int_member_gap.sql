{%- set days_compared, usual_rows_at_least = 28, 10 -%}

with

source_days as (select * from {{ ref("int_source_day") }}),

loads as (

    select *
    from {{ ref("stg_loads") }}
    where status in ('loaded', 'empty')

),

load_forces as (

    select *
    from {{ ref("stg_load_forces") }}
    where
        rows_loaded > 0
        and force_code is not null

),

member_days as (

    select
        loads.source,
        load_forces.force_code,
        load_forces.member,
        loads.extract_date as day,
        sum(load_forces.rows_loaded) as rows_loaded
    from loads
    inner join load_forces
        on loads.load_id = load_forces.load_id
    group by all

),

-- An operator accepted them as they are.
accepted_days as (

    select distinct
        source,
        extract_date as day
    from loads
    where accepted_because is not null

),

days_of_forces as (

    select distinct
        source,
        force_code,
        day
    from member_days

),

-- Only days with rows of the force: a day without any is not complete, or known to have none.
force_days as (

    select
        source,
        force_code,
        day,
        lead(day) over (
            partition by source, force_code
            order by day asc nulls last
        ) as next_force_day
    from days_of_forces

),

followed as (

    select
        member_days.source,
        member_days.force_code,
        member_days.member,
        member_days.day,
        force_days.next_force_day,
        lead(member_days.day) over (
            partition by member_days.source, member_days.force_code, member_days.member
            order by member_days.day asc nulls last
        ) as next_day
    from member_days
    inner join force_days
        on member_days.source = force_days.source
        and member_days.force_code = force_days.force_code
        and member_days.day = force_days.day
    where member_days.member is not null

),

-- Last days with rows of a member before days of its force without one.
last_days as (

    select *
    from followed
    where
        next_force_day is not null
        and next_force_day is distinct from next_day

),

-- What was usual until then: later days without a row do not become usual, or a broken export would.
usual as (

    select
        last_days.source,
        last_days.force_code,
        last_days.member,
        last_days.day,
        last_days.next_day
    from last_days
    inner join force_days
        on last_days.source = force_days.source
        and last_days.force_code = force_days.force_code
        and last_days.day >= force_days.day
        and {{ date_plus("force_days.day", days_compared, "day") }} > last_days.day
    left join member_days
        on last_days.source = member_days.source
        and last_days.force_code = member_days.force_code
        and last_days.member = member_days.member
        and force_days.day = member_days.day
    group by all
    having median(coalesce(member_days.rows_loaded, 0)) >= {{ usual_rows_at_least }}

),

final as (

    select
        usual.source,
        usual.force_code,
        usual.member,
        force_days.day
    from usual
    inner join force_days
        on usual.source = force_days.source
        and usual.force_code = force_days.force_code
        and usual.day < force_days.day
        and {{ date_plus("usual.day", days_compared, "day") }} >= force_days.day
        and (
            usual.next_day is null
            or usual.next_day > force_days.day
        )
    inner join source_days
        on force_days.source = source_days.source
        and force_days.force_code = source_days.force_code
        and force_days.day = source_days.day
    left join accepted_days
        on force_days.source = accepted_days.source
        and force_days.day = accepted_days.day
    where
        source_days.is_loaded
        and accepted_days.day is null

)

select * from final
