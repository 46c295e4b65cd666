-- Which months were worse or better than usual?
-- Every month that was when it was new, newest first; `usual` is the median of the 12 months before it, without one or
-- two extreme ones.
select
    month_start,
    measure,
    verdict,
    value,
    usual,
    lower_limit,
    upper_limit,
    is_step
from marts.kpi_measure_verdict
where verdict is not null
order by month_start desc, measure, force_code
limit 20
