-- What is the attrition of three months together?
-- The ratio of several months is computed from the sums of its parts; the mean of monthly percentages differs from it.
select
    force_code,
    round(100 * sum(numerator) / sum(denominator), 2) as pooled_pct,
    round(avg(value), 2) as mean_of_months_pct
from marts.kpi_measure_monthly
where
    measure = 'calls_101.pct_not_answered'
    and month_start between date '2022-10-01' and date '2022-12-01'
group by force_code
order by force_code
