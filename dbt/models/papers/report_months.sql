with

measure_months as (select * from {{ ref("int_measure_monthly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

measure_sources as (select * from {{ ref("int_measure_source") }}),

loads as (select * from {{ ref("stg_loads") }}),

dates as (select * from {{ ref("dim_date") }}),

months as (

    select
        measure_months.force_code,
        measure_months.month_start,
        {{ date_plus(date_plus("measure_months.month_start", 1, "month"), -1, "day") }} as last_day,
        cast(max(dates.days_in_month) as bigint) as days
    from measure_months
    inner join measures
        on measure_months.measure = measures.measure
    inner join dates
        on measure_months.month_start = dates.date_day
    where
        measures.in_board_paper
        and measure_months.value is not null
    group by
        measure_months.force_code,
        measure_months.month_start

),

-- A source without deliveries in a month and the month before has ended or not yet begun, and does not delay a month.
measure_days as (

    select
        months.force_code,
        months.month_start,
        measure_months.measure,
        max(
            case when measure_months.month_start = months.month_start then measure_months.days_loaded else 0 end
        ) as days_loaded
    from months
    inner join measure_months
        on months.force_code = measure_months.force_code
        and months.month_start >= measure_months.month_start
        and {{ date_plus("months.month_start", -1, "month") }} <= measure_months.month_start
    where measure_months.is_delivered
    group by all

),

loaded as (

    select
        force_code,
        month_start,
        cast(min(days_loaded) as bigint) as days_loaded
    from measure_days
    group by all

),

-- Transcribed papers are delivered weeks after the months that they cover.
newest as (

    select max(loads.extract_date) as newest_day
    from loads
    inner join measure_sources
        on loads.source = measure_sources.source
    where
        loads.status in ('loaded', 'empty')
        and loads.withdrawn_at is null

),

judged as (

    select
        months.force_code,
        months.month_start,
        months.days,
        loaded.days_loaded,
        loaded.days_loaded < months.days as is_provisional,
        loaded.days_loaded = months.days
        or newest.newest_day > {{ date_plus("months.last_day", var("days_to_wait_for_a_month"), "day") }} as is_shown
    from months
    inner join loaded
        on months.force_code = loaded.force_code and months.month_start = loaded.month_start
    cross join newest

),

-- While no month is complete and none has passed its waiting time, the first one is shown.
defaults as (

    select
        force_code,
        coalesce(max(case when is_shown then month_start end), min(month_start)) as month_start
    from judged
    group by force_code

),

final as (

    select
        cast(judged.force_code as {{ dbt.type_string() }}) as force_code,
        cast(judged.month_start as date) as month_start,
        cast(judged.days as bigint) as days,
        cast(judged.days_loaded as bigint) as days_loaded,
        cast(judged.is_provisional as boolean) as is_provisional,
        cast(judged.month_start = defaults.month_start as boolean) as is_default,
        cast(judged.month_start > defaults.month_start as boolean) as is_running
    from judged
    inner join defaults
        on judged.force_code = defaults.force_code

)

select * from final
