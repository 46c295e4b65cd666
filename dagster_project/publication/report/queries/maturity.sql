select month_start, months_since, pct_cancelled_to_date, avg_days_to_cancel_to_date
from marts.kpi_crime_maturity
where force_code = $force_code and not is_provisional
order by month_start, months_since
