-- How soon are crimes cancelled?
-- Cancelled crimes of the months in which they were recorded, by whole months until they were cancelled.
select *
from marts.kpi_crime_maturity
order by month_start desc, months_since
limit 20
