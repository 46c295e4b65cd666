-- Does the answer depend on the definition?
-- The 999 calls of the newest complete month by the threshold below which an abandoned call is not counted.
select
    definitions.force_code,
    short_abandon_seconds,
    is_in_force,
    received_less_short_abandons,
    pct_not_answered,
    pct_within_target_of_answered,
    pct_within_target_of_received
from marts.kpi_call_definitions as definitions
inner join marts.report_months as months
    on definitions.force_code = months.force_code
    and definitions.month_start = months.month_start
    and months.is_default
where definitions.line = '999'
order by definitions.force_code, short_abandon_seconds
