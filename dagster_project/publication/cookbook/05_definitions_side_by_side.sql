-- Does the answer depend on the definition?
-- The 999 calls of the newest month by the threshold below which an abandoned call is not counted.
select
    short_abandon_seconds,
    is_in_force,
    received_less_short_abandons,
    pct_not_answered,
    pct_within_target_of_answered,
    pct_within_target_of_received
from marts.kpi_call_definitions
where line = '999' and month_start = (select max(month_start) from marts.kpi_call_definitions)
order by short_abandon_seconds
