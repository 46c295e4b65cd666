-- What changed since the previous publication?
-- Published figures that changed, with the deliveries that caused the change.
select
    published_at,
    force_code,
    measure,
    month_start,
    previous_value,
    value,
    change,
    deliveries
from marts.revisions
where not is_new
order by published_at desc, force_code, measure, month_start
limit 20
