{#- Rows of a force are expected on the days of its rows and on the 28 days after each of them. -#}
{%- set days_owed = 28 -%}
{#- A force, or a member of the main list, with as many rows on its usual day does not have a day without any by
    chance. -#}
{%- set usual_rows_at_least = 10 -%}

with

loads as (

    -- A day that has only a withdrawn rejected delivery is not a day of the source.
    select * from {{ source("audit", "load") }}
    where withdrawn_at is null

),

load_forces as (select * from {{ source("audit", "load_force") }}),

silent_columns as (select * from {{ source("audit", "silent_column") }}),

contracts as (select * from {{ source("audit", "contract") }}),

-- A correction that was rejected says that the older delivery, which is still loaded, is wrong.
deliveries as (

    select
        source,
        extract_date as day,
        sum(case when status <> 'rejected' then rows_read else 0 end) = 0 as is_empty,
        count(case when status <> 'rejected' then accepted_because end) > 0 as is_accepted_anyway,
        coalesce(
            max(case when status = 'rejected' then load_id end) > max(case when status <> 'rejected' then load_id end),
            false
        ) as awaits_correction
    from loads
    where status in ('loaded', 'empty', 'rejected')
    group by all
    having max(case when status <> 'rejected' then 1 else 0 end) = 1

),

-- Rows of a source that describes forces are delivered by none of them.
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
    where
        loads.status in ('loaded', 'empty')
        and load_forces.rows_loaded > 0
        and load_forces.force_code is not null
    group by all

),

force_days as (

    select
        source,
        force_code,
        day,
        sum(rows_loaded) as rows_loaded
    from member_days
    group by all

),

newest as (

    select
        source,
        max(extract_date) as day
    from loads
    group by source

),

spans as (

    select
        force_days.source,
        force_days.force_code,
        min(force_days.day) as first_day,
        max(newest.day) as last_day
    from force_days
    inner join newest
        on force_days.source = newest.source
    group by all

),

calendar as (
    {{- date_series("first_day", "last_day", "spans", ["source", "force_code"]) }}
),

members as (

    select distinct
        source,
        force_code,
        member
    from member_days
    where member <> ''

),

-- Days of a force, and of each member (empty for the force as a whole) those with rows of its force: a day without any
-- is not complete, or known to have none. The last day with rows is that of the force or of the member.
followed as (

    select
        calendar.source,
        calendar.force_code,
        '' as member,
        calendar.date_day as day,
        deliveries.day is not null as is_delivered,
        coalesce(force_days.rows_loaded, 0) as rows_loaded,
        max(force_days.day) over (
            partition by calendar.source, calendar.force_code
            order by calendar.date_day asc nulls last
        ) as last_row_day
    from calendar
    left join deliveries
        on calendar.source = deliveries.source
        and calendar.date_day = deliveries.day
    left join force_days
        on {{ same_columns("calendar", "force_days", ["source", "force_code"]) }}
        and calendar.date_day = force_days.day

    union all

    select
        force_days.source,
        force_days.force_code,
        members.member,
        force_days.day,
        true as is_delivered,
        coalesce(member_days.rows_loaded, 0) as rows_loaded,
        max(member_days.day) over (
            partition by force_days.source, force_days.force_code, members.member
            order by force_days.day asc nulls last
        ) as last_row_day
    from force_days
    inner join members
        on {{ same_columns("force_days", "members", ["source", "force_code"]) }}
    left join member_days
        on {{ same_columns("members", "member_days", ["source", "force_code", "member"]) }}
        and force_days.day = member_days.day

),

owed as (

    select *
    from followed
    where {{ date_plus("last_row_day", days_owed, "day") }} >= day

),

silent as (

    select distinct
        source,
        force_code,
        member,
        last_row_day
    from owed
    where last_row_day < day

),

-- What was usual up to the last day with rows: later days do not become usual, or a broken export would.
usual as (

    select
        silent.source,
        silent.force_code,
        silent.member,
        silent.last_row_day,
        median(followed.rows_loaded) as usual_rows
    from silent
    inner join followed
        on {{ same_columns("silent", "followed", ["source", "force_code", "member"]) }}
        and silent.last_row_day >= followed.day
        and {{ date_plus("followed.day", days_owed, "day") }} > silent.last_row_day
    where followed.is_delivered
    group by all

),

lacking_members as (

    select
        owed.source,
        owed.force_code,
        owed.day,
        {{ joined_text("owed.source || ':' || owed.member") }} as members
    from owed
    inner join usual
        on {{ same_columns("owed", "usual", ["source", "force_code", "member", "last_row_day"]) }}
    where owed.member <> '' and owed.last_row_day < owed.day and usual.usual_rows >= {{ usual_rows_at_least }}
    group by all

),

-- A file that has only a header may be first of its day.
lacking_columns as (

    select
        loads.source,
        silent_columns.force_code,
        loads.extract_date as day,
        {{ joined_text("loads.source || ':' || silent_columns.column_name") }} as columns
    from silent_columns
    inner join loads
        on silent_columns.load_id = loads.load_id
    where loads.status in ('loaded', 'empty')
    group by all

),

judged as (

    select
        owed.source,
        owed.force_code,
        owed.day,
        deliveries.is_accepted_anyway,
        deliveries.day is not null and not deliveries.awaits_correction and (
            owed.rows_loaded > 0
            or deliveries.is_empty
            or deliveries.is_accepted_anyway
            or count(*) over (partition by owed.source, owed.day) = 1
            or (
                coalesce(contracts.absent_forces_complete, false)
                and usual.usual_rows < {{ usual_rows_at_least }}
            )
        ) as is_loaded
    from owed
    left join deliveries
        on {{ same_columns("owed", "deliveries", ["source", "day"]) }}
    left join contracts
        on owed.source = contracts.source
    left join usual
        on {{ same_columns("owed", "usual", ["source", "force_code", "member", "last_row_day"]) }}
    where owed.member = ''

)

select
    judged.source,
    judged.force_code,
    judged.day,
    judged.is_loaded,
    -- An operator accepted them as they are.
    case when judged.is_loaded and not judged.is_accepted_anyway then lacking_members.members end as lacking_members,
    case when judged.is_loaded then lacking_columns.columns end as lacking_columns
from judged
left join lacking_members
    on {{ same_columns("judged", "lacking_members", ["source", "force_code", "day"]) }}
left join lacking_columns
    on {{ same_columns("judged", "lacking_columns", ["source", "force_code", "day"]) }}
