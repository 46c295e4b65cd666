-- Does the answer depend on the definition?
-- The same calls of the newest month under each common definition.
select *
from marts.kpi_call_definitions
where line = '999' and month_start = (select max(month_start) from marts.kpi_call_definitions)
order by short_abandon_seconds
