-- Which months and weeks are unusual?
-- Every month and week that a control chart marks, newest first.
-- Charts with fewer than 12 points mark none: their variation is null and is_trial is true.
select
    'month' as period,
    month_start as period_start,
    measure,
    value,
    lower_limit,
    upper_limit,
    signal,
    variation
from marts.kpi_measure_spc
where signal is not null
union all
select
    'week' as period,
    week_start as period_start,
    measure,
    value,
    lower_limit,
    upper_limit,
    signal,
    variation
from marts.kpi_measure_spc_weekly
where signal is not null
order by period_start desc, measure, period, value
limit 20
