-- Which days are missing?
-- Days whose delivery is missing or was rejected.
select
    source,
    extract_date,
    arg_max(status, load_id) as status,
    arg_max(reason, load_id) as reason
from marts.load_audit
where status <> 'replaced'
group by source, extract_date
having arg_max(status, load_id) in ('missing', 'rejected')
order by extract_date desc, source
limit 20
