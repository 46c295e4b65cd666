-- Rows of no readable force count as rows of the force whose papers they are.
select
    quarantine.source,
    date_trunc('month', quarantine.extract_date)::date as month_start,
    quarantine.reason_code,
    count(*) as row_count
from marts.quarantine as quarantine
inner join marts.load_audit as load_audit
    on quarantine.load_id = load_audit.load_id
    and load_audit.status in ('loaded', 'empty')
where
    coalesce(quarantine.force_code, $force_code) = $force_code
    and quarantine.reason_code not in ('duplicate_row', 'superseded_row')
group by all
