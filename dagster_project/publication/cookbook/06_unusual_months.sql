-- Which figures are unusual?
-- Every month that a control chart marks, the newest first.
select
    month_start,
    measure,
    value,
    lower_limit,
    upper_limit,
    signal,
    variation,
    is_trial
from marts.kpi_measure_spc
where signal is not null
order by month_start desc, measure
limit 20
