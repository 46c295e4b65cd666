select measure, week_start, value, target
from marts.kpi_measure_weekly
where force_code = $force_code and not is_provisional
order by measure, week_start
