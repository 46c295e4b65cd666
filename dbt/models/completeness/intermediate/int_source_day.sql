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

newest_days as (

    select
        source,
        max(extract_date) as day
    from loads
    group by source

),

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

row_days as (

    select
        source,
        force_code,
        day,
        sum(rows_loaded) as rows_loaded,
        lead(day) over (partition by source, force_code order by day asc nulls last) as next_day,
        min(day) over (partition by source, force_code) as first_day
    from member_days
    group by
        source,
        force_code,
        day

),

gaps as (

    select
        row_days.source,
        row_days.force_code,
        row_days.day as row_day,
        row_days.first_day,
        {{ date_plus("row_days.day", 1, "day") }} as first_gap_day,
        least(
            {{ date_plus("coalesce(row_days.next_day, " ~ date_plus("newest_days.day", 1, "day") ~ ")", -1, "day") }},
            {{ date_plus("row_days.day", days_owed, "day") }}
        ) as last_gap_day
    from row_days
    inner join newest_days
        on row_days.source = newest_days.source
    where row_days.next_day is distinct from {{ date_plus("row_days.day", 1, "day") }}

),

gap_days as (
    {{- date_series("first_gap_day", "last_gap_day", "gaps", ["source", "force_code", "row_day"]) }}
),

-- Of the days up to the last one with rows: those of a loss do not become usual.
usual_rows as (

    select
        gaps.source,
        gaps.force_code,
        gaps.row_day,
        median(coalesce(row_days.rows_loaded, 0)) as usual_rows
    from gaps
    inner join deliveries
        on gaps.source = deliveries.source
        and gaps.first_day <= deliveries.day
        and gaps.row_day >= deliveries.day
        and {{ date_plus("deliveries.day", days_owed, "day") }} > gaps.row_day
    left join row_days
        on gaps.source = row_days.source
        and gaps.force_code = row_days.force_code
        and deliveries.day = row_days.day
    group by all

),

owed_days as (

    select
        source,
        force_code,
        day,
        day as row_day
    from row_days

    union all

    select
        source,
        force_code,
        date_day as day,
        row_day
    from gap_days

),

-- Last days with rows of a member before days of its force without one.
last_member_days as (

    select *
    from (
        select
            member_days.source,
            member_days.force_code,
            member_days.member,
            member_days.day,
            row_days.next_day as next_force_day,
            lead(member_days.day) over (
                partition by member_days.source, member_days.force_code, member_days.member
                order by member_days.day asc nulls last
            ) as next_day
        from member_days
        inner join row_days
            on member_days.source = row_days.source
            and member_days.force_code = row_days.force_code
            and member_days.day = row_days.day
        where member_days.member is not null
    ) as followed
    where next_force_day is not null and next_force_day is distinct from next_day

),

-- What was usual until then: later days without a row do not become usual, or a broken export would.
usual_members as (

    select
        last_days.source,
        last_days.force_code,
        last_days.member,
        last_days.day,
        last_days.next_day
    from last_member_days as last_days
    inner join row_days
        on last_days.source = row_days.source
        and last_days.force_code = row_days.force_code
        and last_days.day >= row_days.day
        and {{ date_plus("row_days.day", days_owed, "day") }} > last_days.day
    left join member_days
        on last_days.source = member_days.source
        and last_days.force_code = member_days.force_code
        and last_days.member = member_days.member
        and row_days.day = member_days.day
    group by all
    having median(coalesce(member_days.rows_loaded, 0)) >= {{ usual_rows_at_least }}

),

-- Only days with rows of the force: a day without any is not complete, or known to have none.
lacking_members as (

    select
        row_days.source,
        row_days.force_code,
        row_days.day,
        {{ joined_text("usual_members.source || ':' || usual_members.member") }} as members
    from usual_members
    inner join row_days
        on usual_members.source = row_days.source
        and usual_members.force_code = row_days.force_code
        and usual_members.day < row_days.day
        and {{ date_plus("usual_members.day", days_owed, "day") }} >= row_days.day
        and coalesce(usual_members.next_day > row_days.day, true)
    group by
        row_days.source,
        row_days.force_code,
        row_days.day

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
    group by
        loads.source,
        silent_columns.force_code,
        loads.extract_date

),

judged as (

    select
        owed_days.source,
        owed_days.force_code,
        owed_days.day,
        deliveries.is_accepted_anyway,
        deliveries.day is not null and not deliveries.awaits_correction and (
            owed_days.day = owed_days.row_day
            or deliveries.is_empty
            or deliveries.is_accepted_anyway
            or count(*) over (partition by owed_days.source, owed_days.day) = 1
            or (
                coalesce(contracts.absent_forces_complete, false)
                and usual_rows.usual_rows < {{ usual_rows_at_least }}
            )
        ) as is_loaded
    from owed_days
    left join deliveries
        on owed_days.source = deliveries.source
        and owed_days.day = deliveries.day
    left join contracts
        on owed_days.source = contracts.source
    left join usual_rows
        on owed_days.source = usual_rows.source
        and owed_days.force_code = usual_rows.force_code
        and owed_days.row_day = usual_rows.row_day

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
    on judged.source = lacking_members.source
    and judged.force_code = lacking_members.force_code
    and judged.day = lacking_members.day
left join lacking_columns
    on judged.source = lacking_columns.source
    and judged.force_code = lacking_columns.force_code
    and judged.day = lacking_columns.day
