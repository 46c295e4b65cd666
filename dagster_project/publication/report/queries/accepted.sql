-- Deliveries that an operator accepted although critical expectations fail.
select
    source,
    extract_date as day,
    string_split(any_value(accepted_despite), ', ') as expectations,
    any_value(accepted_because) as reason,
    sum(rows_read)::bigint as rows_read,
    any_value(rows_expected) as rows_expected
from marts.load_audit
where accepted_because is not null and status in ('loaded', 'empty')
group by source, extract_date
order by extract_date, source
