-- How soon are crimes cancelled?
-- Crimes by the month in which they were recorded, and how many were cancelled up to so many months later.
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
