{#- Rows of a force are expected on the days of its rows and on the 28 days after each of them. -#}
{%- set days_owed = 28 -%}
{#- A force, or a member of the main list, with as many rows usual on some days in succession is not without any on all of
    them by chance: once in 20,000 times. -#}
{%- set usual_rows_at_least = 10 -%}
{#- What is usual on a day is the mean of the newest eight days of its kind: of a weekday, or of Sundays and bank holidays;
    of the newest 28 days of any kind while there are less than three of them. -#}
{%- set usual_days, usual_days_at_least, usual_days_of_any_kind = 8, 3, 28 -%}
{#- What events differ by from the usual number: 3.5 standard deviations of chance, of the usual number (a mean of eight
    days or less) and of days that differ by 7% for other reasons (loading/delivery_facts.py). -#}
{%- set chance, of_chance, of_days = 3.5, 1.3, 0.07 -%}

with

loads as (

    -- A day that has only a withdrawn rejected delivery is not a day of the source.
    select * from {{ source("audit", "load") }}
    where withdrawn_at is null

),

load_forces as (select * from {{ source("audit", "load_force") }}),

load_events as (select * from {{ source("audit", "load_event") }}),

silent_columns as (select * from {{ source("audit", "silent_column") }}),

incomplete as (select * from {{ source("audit", "incomplete") }}),

contracts as (select * from {{ source("audit", "contract") }}),

bank_holidays as (select * from {{ ref("bank_holidays") }}),

-- A correction that was rejected says that the older delivery, which is still loaded, is wrong. A file without a force
-- that was left out alone may have the rows of any force that the other files lack.
deliveries as (

    select
        source,
        extract_date as day,
        count(case when status <> 'rejected' then accepted_because end) > 0 as is_accepted_anyway,
        max(case when error_code = 'force_missing' then 1 else 0 end) = 1 as lacks_file,
        coalesce(
            max(case when status = 'rejected' and coalesce(error_code, '') <> 'force_missing' then load_id end)
            > max(case when status <> 'rejected' then load_id end),
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

-- A day that was exported twice in place of the next has no event of that one. What is delivered again counts once.
event_days as (

    select
        source,
        force_code,
        day,
        max(rows_loaded) as rows_loaded
    from (
        select
            loads.source,
            load_events.force_code,
            load_events.event_date as day,
            loads.extract_date,
            sum(load_events.rows_loaded) as rows_loaded
        from loads
        inner join load_events
            on loads.load_id = load_events.load_id
        where loads.status = 'loaded'
        group by all
    ) as deliveries_of_day
    group by
        source,
        force_code,
        day

),

event_sources as (select distinct source from event_days),

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
-- is not complete, or known to have none. The last day with rows is that of the force or of the member. Events of a
-- source without times are the rows of the day.
followed as (

    select
        calendar.source,
        calendar.force_code,
        '' as member,
        calendar.date_day as day,
        coalesce(force_days.rows_loaded, 0) as rows_loaded,
        coalesce(
            event_days.rows_loaded,
            case when event_sources.source is not null then 0 end,
            force_days.rows_loaded,
            0
        ) as events,
        max(force_days.day) over (
            partition by calendar.source, calendar.force_code
            order by calendar.date_day asc nulls last
        ) as last_row_day
    from calendar
    left join force_days
        on {{ same_columns("calendar", "force_days", ["source", "force_code"]) }}
        and calendar.date_day = force_days.day
    left join event_days
        on {{ same_columns("calendar", "event_days", ["source", "force_code"]) }}
        and calendar.date_day = event_days.day
    left join event_sources
        on calendar.source = event_sources.source

    union all

    select
        force_days.source,
        force_days.force_code,
        members.member,
        force_days.day,
        coalesce(member_days.rows_loaded, 0) as rows_loaded,
        coalesce(member_days.rows_loaded, 0) as events,
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

-- A bank holiday is like a Sunday.
of_a_kind as (

    select
        followed.*,
        case when bank_holidays.holiday_date is null then {{ day_of_week("followed.day") }} else 7 end as kind
    from followed
    left join bank_holidays
        on followed.day = bank_holidays.holiday_date
    where {{ date_plus("followed.last_row_day", days_owed, "day") }} >= followed.day

),

-- Also the days that are not delivered, without what is usual.
compared as (

    select
        of_a_kind.*,
        deliveries.day is not null as is_delivered,
        sum(case when deliveries.day is not null then of_a_kind.events end) over before as usual_sum,
        count(deliveries.day) over before as usual_days,
        sum(case when deliveries.day is not null then of_a_kind.events end) over before_of_any_kind as any_sum,
        count(deliveries.day) over before_of_any_kind as any_days,
        coalesce(contracts.volume_floor, 0.5) as volume_floor
    from of_a_kind
    left join contracts
        on of_a_kind.source = contracts.source
    left join deliveries
        on {{ same_columns("of_a_kind", "deliveries", ["source", "day"]) }}
    window
        before as (
            partition by
                of_a_kind.source,
                of_a_kind.force_code,
                of_a_kind.member,
                of_a_kind.kind
            order by of_a_kind.day asc nulls last
            rows between {{ usual_days }} preceding and 1 preceding
        ),
        before_of_any_kind as (
            partition by of_a_kind.source, of_a_kind.force_code, of_a_kind.member
            order by of_a_kind.day asc nulls last
            rows between {{ usual_days_of_any_kind }} preceding and 1 preceding
        )

),

-- Days in succession without an event, or with less than the floor, are judged together.
expected as (

    select
        *,
        case when usual_days >= {{ usual_days_at_least }} then {{ ratio("usual_sum", "usual_days") }} end as usual,
        least(
            {{ ratio("any_sum", "any_days") }},
            case when usual_days >= {{ usual_days_at_least }} then {{ ratio("usual_sum", "usual_days") }} end
        ) as usual_at_least
    from compared

),

stretches as (

    select
        *,
        is_delivered and events = 0 as is_empty_day,
        coalesce(is_delivered and events < volume_floor * usual, false) as is_low_day,
        sum(case when is_delivered and events = 0 then 0 else 1 end) over so_far as days_with_events,
        sum(case when is_delivered and events < volume_floor * usual then 0 else 1 end) over so_far as usual_days_so_far
    from expected
    window
        so_far as (
            partition by source, force_code, member
            order by day asc nulls last
            rows between unbounded preceding and current row
        )

),

added_up as (

    select
        *,
        sum(case when is_empty_day then usual_at_least end) over empty_days as usual_of_empty_days,
        sum(case when is_low_day then usual - events end) over low_days as lost_on_low_days,
        sum(case when is_low_day then {{ of_chance }} * usual + {{ of_days * of_days }} * usual * usual end) over low_days
            as variance_of_low_days
    from stretches
    window
        empty_days as (partition by source, force_code, member, days_with_events),
        low_days as (partition by source, force_code, member, usual_days_so_far)

),

owed as (

    select
        *,
        is_empty_day and coalesce(usual_of_empty_days >= {{ usual_rows_at_least }}, false) as is_absent,
        is_low_day
        and coalesce(lost_on_low_days * lost_on_low_days > {{ chance * chance }} * variance_of_low_days, false) as is_low
    from added_up

),

lacking_members as (

    select
        source,
        force_code,
        day,
        {{ joined_text("source || ':' || member") }} as members
    from owed
    where member <> '' and is_absent
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

incomplete_days as (

    select distinct
        owed.source,
        owed.force_code,
        owed.day
    from owed
    inner join loads
        on owed.source = loads.source
    inner join incomplete
        on loads.load_id = incomplete.load_id
        and owed.force_code = coalesce(incomplete.force_code, owed.force_code)
        and owed.day between incomplete.first_day and incomplete.last_day
    where loads.status in ('loaded', 'empty') and loads.accepted_because is null

),

judged as (

    select
        owed.source,
        owed.force_code,
        owed.day,
        deliveries.is_accepted_anyway,
        deliveries.day is not null and not deliveries.awaits_correction and incomplete_days.day is null and (
            deliveries.is_accepted_anyway
            or (
                not owed.is_absent
                and not owed.is_low
                and not (owed.rows_loaded = 0 and deliveries.lacks_file)
            )
        ) as is_loaded
    from owed
    left join deliveries
        on {{ same_columns("owed", "deliveries", ["source", "day"]) }}
    left join incomplete_days
        on {{ same_columns("owed", "incomplete_days", ["source", "force_code", "day"]) }}
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
