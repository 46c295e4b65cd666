-- When do most 999 calls come in?
-- The ten busiest hours of the week in the newest complete month, with attrition and queue time.
select
    hours.force_code,
    day_of_week,
    hour_of_day,
    received,
    pct_not_answered,
    p90_queue_seconds
from marts.kpi_calls_hourly as hours
inner join marts.report_months as months
    on hours.force_code = months.force_code
    and hours.month_start = months.month_start
    and months.is_default
where hours.line = '999'
order by received desc, day_of_week, hour_of_day, hours.force_code
limit 10
