select force_code, month_start as month, days, days_loaded, is_default, is_running
from marts.report_months
order by force_code, month_start
