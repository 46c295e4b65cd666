select
    verdicts.*,
    periods.display_value, periods.mean_per_day, periods.numerator, periods.denominator,
    periods.is_affected_by_quarantine,
    min(verdicts.month_start) filter (verdicts.value is not null) over (partition by verdicts.measure) as first_month
from marts.kpi_measure_verdict as verdicts
inner join marts.kpi_measure_period as periods
    on verdicts.force_code = periods.force_code
    and verdicts.measure = periods.measure
    and verdicts.month_start = periods.month_start
    and periods.period = 'month'
where verdicts.force_code = $force_code
order by verdicts.measure, verdicts.month_start
