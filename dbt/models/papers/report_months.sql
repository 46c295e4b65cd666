with

figures as (

    select * from {{ ref("kpi_measure_period") }}
    where period = 'month' and value is not null

),

-- A measure delays a month in which it was delivered, and the month after it.
measure_days as (

    select
        deliveries.force_code,
        deliveries.measure,
        {{ date_plus("deliveries.month_start", "offsets.months_later", "month") }} as month_start,
        max(case when offsets.months_later = 0 then deliveries.days_loaded else 0 end) as days_loaded
    from {{ ref("int_measure_delivery") }} as deliveries
    cross join (values (0), (1)) as offsets (months_later)
    where deliveries.days_loaded > 0
    group by all

),

-- Transcribed papers are delivered weeks after the months that they cover.
newest as (

    select max(loads.extract_date) as day
    from {{ source("audit", "load") }} as loads
    inner join {{ ref("int_measure_source") }} as sources
        on loads.source = sources.source
    where
        loads.status in ('loaded', 'empty')
        and loads.withdrawn_at is null

),

months as (

    select
        figures.force_code,
        figures.month_start,
        figures.days,
        min(measure_days.days_loaded) as days_loaded,
        min(measure_days.days_loaded) < figures.days as is_provisional,
        {{ date_plus("figures.month_start", "figures.days + " ~ var("days_to_wait_for_a_month"), "day") }} <= newest.day
            as is_waited_for
    from figures
    inner join {{ ref("measure_catalogue") }} as measures
        on figures.measure = measures.measure
    inner join measure_days
        on {{ same_columns("figures", "measure_days", ["force_code", "month_start"]) }}
    cross join newest
    where measures.in_board_paper
    group by
        figures.force_code,
        figures.month_start,
        figures.days,
        newest.day

),

-- While no month is complete and none has passed its waiting time, the first one is shown.
shown as (

    select
        force_code,
        coalesce(
            max(case when is_waited_for or not is_provisional then month_start end),
            min(month_start)
        ) as month_start
    from months
    group by force_code

)

select
    months.force_code,
    months.month_start,
    months.days,
    months.days_loaded,
    months.is_provisional,
    months.month_start = shown.month_start as is_default,
    months.month_start > shown.month_start as is_running
from months
inner join shown
    on months.force_code = shown.force_code
