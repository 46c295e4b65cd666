select source, month_start, period, rows_read, rows_quarantined, share_quarantined
from marts.kpi_quarantine_period
where force_code = $force_code
