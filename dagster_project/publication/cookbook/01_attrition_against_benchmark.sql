-- Which months met the 999 benchmark, and which missed it?
-- Attrition in each month and the benchmark in force, worst month first. A figure that equals the benchmark misses it.
select
    force_code,
    month_start,
    value as pct_not_answered,
    target as benchmark,
    value < target as is_within_benchmark,
    is_provisional
from marts.kpi_measure_monthly
where measure = 'calls_999.pct_not_answered'
order by value desc, force_code, month_start
