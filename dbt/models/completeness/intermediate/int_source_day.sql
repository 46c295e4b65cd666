{#- Rows of a force are expected on the days of its rows and on the 28 days after each of them. -#}
{%- set days_owed = 28 -%}
{#- A force with as many rows on its usual day does not have a day without any by chance. -#}
{%- set usual_rows_at_least = 10 -%}

with

loads as (

    -- A day that has only a withdrawn rejected delivery is not a day of the source.
    select *
    from {{ ref("stg_loads") }}
    where withdrawn_at is null

),

load_forces as (select * from {{ ref("stg_load_forces") }}),

contracts as (select * from {{ ref("stg_contracts") }}),

dates as (select * from {{ ref("dim_date") }}),

accepted_loads as (

    select *
    from loads
    where status in ('loaded', 'empty')

),

newest_rejections as (

    select
        source,
        extract_date,
        max(load_id) as load_id
    from loads
    where status = 'rejected'
    group by all

),

-- A correction that was rejected says that the older delivery, which is still loaded, is wrong.
deliveries as (

    select
        accepted_loads.source,
        accepted_loads.extract_date as day,
        sum(accepted_loads.rows_read) = 0 as is_empty,
        max(case when accepted_loads.accepted_because is not null then 1 else 0 end) = 1 as is_accepted_anyway,
        coalesce(max(newest_rejections.load_id) > max(accepted_loads.load_id), false) as awaits_correction
    from accepted_loads
    left join newest_rejections
        on accepted_loads.source = newest_rejections.source
        and accepted_loads.extract_date = newest_rejections.extract_date
    group by all

),

newest_days as (

    select
        source,
        max(extract_date) as day
    from loads
    group by source

),

row_days as (

    select
        accepted_loads.source,
        load_forces.force_code,
        accepted_loads.extract_date as row_day,
        sum(load_forces.rows_loaded) as rows_loaded
    from accepted_loads
    inner join load_forces
        on accepted_loads.load_id = load_forces.load_id
    -- Rows of a source that describes forces are delivered by none of them.
    where
        load_forces.rows_loaded > 0
        and load_forces.force_code is not null
    group by all

),

followed as (

    select
        *,
        lead(row_day) over (
            partition by source, force_code
            order by row_day asc nulls last
        ) as next_row_day,
        min(row_day) over (partition by source, force_code) as first_row_day
    from row_days

),

-- Rows come on nearly all days, so only the few gaps between them are compared with the calendar.
gaps as (

    select
        followed.source,
        followed.force_code,
        followed.row_day,
        followed.first_row_day,
        coalesce(followed.next_row_day, {{ date_plus("newest_days.day", 1, "day") }}) as end_day
    from followed
    inner join newest_days
        on followed.source = newest_days.source
    where followed.next_row_day is distinct from {{ date_plus("followed.row_day", 1, "day") }}

),

days as (

    select
        source,
        force_code,
        row_day as day,
        row_day,
        true as has_rows
    from row_days

    union all

    select
        gaps.source,
        gaps.force_code,
        dates.date_day as day,
        gaps.row_day,
        false as has_rows
    from gaps
    inner join dates
        on gaps.row_day < dates.date_day
        and {{ date_plus("gaps.row_day", days_owed, "day") }} >= dates.date_day
        and gaps.end_day > dates.date_day

),

owed_days as (

    select
        *,
        count(*) over (partition by source, day) > 1 as is_of_several_forces
    from days

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
        and gaps.first_row_day <= deliveries.day
        and gaps.row_day >= deliveries.day
        and {{ date_plus("deliveries.day", days_owed, "day") }} > gaps.row_day
    left join row_days
        on gaps.source = row_days.source
        and gaps.force_code = row_days.force_code
        and deliveries.day = row_days.row_day
    group by all

),

final as (

    select
        owed_days.source,
        owed_days.force_code,
        owed_days.day,
        deliveries.day is not null and not deliveries.awaits_correction and (
            owed_days.has_rows
            or deliveries.is_empty
            or deliveries.is_accepted_anyway
            or not owed_days.is_of_several_forces
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

select * from final
