-- Calls to 999 and the mean queuing time as the warehouse counted them, for months without a missing day.
select month_start, received, avg_queue_seconds
from marts.kpi_calls_monthly
where force_code = $force_code and line = '999' and not is_provisional
