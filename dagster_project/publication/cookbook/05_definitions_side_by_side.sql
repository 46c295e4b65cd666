-- Does the answer depend on the definition?
-- The 999 calls of the newest complete month, if a caller who hung up within so many seconds were not counted.
with thresholds as (
    select unnest([0, 5, 10, 15, 20, 30]) as short_abandon_seconds
),

judged as (
    select
        calls.force_code,
        short_abandon_seconds,
        calls.is_answered,
        coalesce(calls.is_answered and calls.queue_seconds < 10, false) as is_in_time,
        coalesce(not calls.is_answered and calls.queue_seconds < short_abandon_seconds, false) as is_short_abandon
    from marts.fct_call as calls
    inner join marts.report_months as months
        on calls.force_code = months.force_code
        and calls.arrived_date between months.month_start and last_day(months.month_start)
        and months.is_default
    cross join thresholds
    where calls.line = '999'
)

select
    force_code,
    short_abandon_seconds,
    count(*) filter (not is_short_abandon) as received_less_short_abandons,
    cast(100 * count(*) filter (not is_answered and not is_short_abandon) / received_less_short_abandons as decimal(5, 2))
        as pct_not_answered,
    cast(100 * count(*) filter (is_in_time) / count(*) filter (is_answered) as decimal(5, 2)) as pct_in_time_of_answered,
    cast(100 * count(*) filter (is_in_time) / count(*) as decimal(5, 2)) as pct_in_time_of_received
from judged
group by all
order by force_code, short_abandon_seconds
