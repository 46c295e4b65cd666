-- How soon are crimes cancelled?
-- Crimes by month of recording, and how many were cancelled within each number of months.
select
    force_code,
    month_start,
    months_since,
    recorded_crime,
    cancelled,
    cancelled_to_date,
    pct_cancelled_to_date,
    is_observed
from marts.kpi_crime_maturity
order by month_start desc, force_code, months_since
limit 20
