-- Months with their verdicts. A record is said where `record_side` is 1 (highest) or -1 (lowest): of a month that is better
-- or worse than usual, and of a sum that is the highest or lowest since figures began and 6% off the year before.
select
    verdicts.*,
    periods.display_value, periods.mean_per_day, periods.numerator, periods.denominator,
    periods.is_affected_by_quarantine,
    case
        when verdicts.is_record_high and (
            verdicts.verdict is not null or (verdicts.record_since is null and months.pct_change_on_last_year >= 6)
        ) then 1
        when verdicts.is_record_low and (
            verdicts.verdict is not null or (verdicts.record_since is null and months.pct_change_on_last_year <= -6)
        ) then -1
    end as record_side,
    min(verdicts.month_start) filter (verdicts.value is not null) over (partition by verdicts.measure) as first_month
from marts.kpi_measure_verdict as verdicts
inner join marts.kpi_measure_period as periods
    on verdicts.force_code = periods.force_code
    and verdicts.measure = periods.measure
    and verdicts.month_start = periods.month_start
    and periods.period = 'month'
inner join marts.kpi_measure_monthly as months
    on verdicts.force_code = months.force_code
    and verdicts.measure = months.measure
    and verdicts.month_start = months.month_start
where verdicts.force_code = $force_code
order by verdicts.measure, verdicts.month_start
