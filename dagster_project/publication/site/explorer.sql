-- Figures of the explorer: a query for each of its files. The page offers the same query with the choice as conditions, so
-- what it shows and what an analyst reads from `fcir.duckdb` are the same rows.

-- query: month
select
    periods.force_code, periods.measure, periods.period, periods.month_start as first_day, periods.value,
    -- A year to date that lacks only the days before the first delivery will not change.
    periods.is_provisional and periods.complete_since is null as is_provisional,
    periods.share_of_days_loaded, verdicts.usual, verdicts.lower_limit, verdicts.upper_limit, verdicts.target,
    verdicts.verdict, verdicts.year_like_month
from marts.kpi_measure_period as periods
left join marts.kpi_measure_verdict as verdicts
    on
        periods.period = 'month'
        and periods.force_code = verdicts.force_code
        and periods.measure = verdicts.measure
        and periods.month_start = verdicts.month_start

-- query: month_per_day
select
    force_code, measure, 'month_per_day' as period, month_start as first_day, mean_per_day as value, is_provisional,
    share_of_days_loaded
from marts.kpi_measure_period
where period = 'month' and mean_per_day is not null

-- query: week
select
    force_code, measure, 'week' as period, week_start as first_day, value, is_provisional, share_of_days_loaded, target
from marts.kpi_measure_weekly
where week_start >= (select max(month_start) - interval 35 month - interval 6 day from marts.report_months)

-- query: day
select
    force_code,
    -- The column avg_queue_seconds has the measure avg_queue_time.
    'calls_' || line || '.' || replace(name, '_seconds', '_time') as measure,
    'day' as period, date_day as first_day, value, is_provisional,
    if(is_provisional, 0, 100) as share_of_days_loaded
from (
    from marts.kpi_calls_daily
    unpivot include nulls (value for name in (columns(* exclude (force_code, line, date_day, is_provisional))))
)
where date_day >= (select max(month_start) - interval 35 month from marts.report_months)

-- query: district
with counted as (
    select
        force_code, 'crime.' || name as measure, coalesce(district, 'Not stated') as member, month_start,
        sum(value) as value
    from marts.kpi_crime_by_district_monthly
    unpivot (value for name in (recorded_crime, cancelled_crime))
    group by all
)
select
    months.force_code, months.measure, months.period, members.member, months.month_start as first_day,
    -- A member without a row had none in a month that has a figure.
    coalesce(counted.value, 0) as value, months.is_provisional, months.share_of_days_loaded
from marts.kpi_measure_period as months
inner join (select distinct force_code, measure, member from counted) as members
    on months.force_code = members.force_code and months.measure = members.measure
left join counted
    on
        months.force_code = counted.force_code
        and months.measure = counted.measure
        and members.member = counted.member
        and months.month_start = counted.month_start
where months.period = 'month' and months.value is not null

-- query: offence_group
with counted as (
    select
        cancellations.force_code, coalesce(offences.offence_group, 'Offence not in the list') as member,
        cancellations.month_start, sum(cancellations.cancelled) as value
    from marts.kpi_cancellations_monthly as cancellations
    left join marts.dim_offence as offences on cancellations.offence_code = offences.offence_code
    group by all
)
select
    months.force_code, months.measure, months.period, members.member, months.month_start as first_day,
    coalesce(counted.value, 0) as value, months.is_provisional, months.share_of_days_loaded
from marts.kpi_measure_period as months
inner join (select distinct force_code, member from counted) as members on months.force_code = members.force_code
left join counted
    on
        months.force_code = counted.force_code
        and members.member = counted.member
        and months.month_start = counted.month_start
where months.period = 'month' and months.measure = 'crime.cancelled_crime' and months.value is not null

-- query: series
with figures as (
    select null as member, null as usual, null as lower_limit, null as upper_limit, null as target, null as verdict,
        null as year_like_month
    where false
    union all by name
    ({query})
)
select
    figures.force_code, figures.measure, figures.period, figures.member,
    if(figures.period = 'month_per_day', 'count', measures.unit) as unit,
    if(figures.period = 'month_per_day', 1, measures.decimals) as decimals,
    list(cast(figures.first_day as varchar) order by first_day) as first_day,
    list(printed.display_value order by first_day) as text,
    list(cast(figures.value as decimal(38, 6)) order by first_day) as value,
    list(figures.is_provisional order by first_day) as is_provisional,
    list(cast(figures.share_of_days_loaded as decimal(38, 6)) order by first_day) as share_of_days_loaded,
    list(cast(figures.usual as decimal(38, 6)) order by first_day) as usual,
    list(cast(figures.lower_limit as decimal(38, 6)) order by first_day) as lower_limit,
    list(cast(figures.upper_limit as decimal(38, 6)) order by first_day) as upper_limit,
    list(cast(figures.target as decimal(38, 6)) order by first_day) as target,
    list(figures.verdict order by first_day) as verdict,
    list(cast(figures.year_like_month as decimal(38, 6)) order by first_day) as year_like_month
from figures
inner join marts.measures as measures on figures.measure = measures.measure
left join marts.kpi_measure_period as printed
    on
        figures.member is null
        and figures.force_code = printed.force_code
        and figures.measure = printed.measure
        and figures.period = printed.period
        and figures.first_day = printed.month_start
group by all
order by all
