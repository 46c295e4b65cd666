-- When do most 999 calls come in?
-- The ten busiest hours of the week of the newest month, with what became of the calls.
select
    day_of_week,
    hour_of_day,
    received,
    pct_not_answered,
    p90_queue_seconds
from marts.kpi_calls_hourly
where line = '999' and month_start = (select max(month_start) from marts.kpi_calls_hourly)
order by received desc, day_of_week, hour_of_day
limit 10
