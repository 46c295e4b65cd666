-- Which days are missing?
-- Days whose delivery is missing or was rejected, newest first. A rejected correction leaves the day in the figures.
select
    source,
    extract_date,
    status,
    is_in_figures,
    reason
from marts.deliveries
where status in ('missing', 'rejected')
order by extract_date desc, source
limit 20
