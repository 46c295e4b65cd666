{#- By the month of the cancellation too, so that a crime that is cancelled after the detail of its month was purged
    still counts for the month in which it was recorded. -#}
{{ config(
    meta={"archive": {"day": "cancelled_month", "sources": ["crimes"]}},
    post_hook="{{ keep_archived() }}",
) }}

with

crimes as (select * from {{ ref("int_crime_event") }})

select
    force_code,
    {{ month_start("event_date") }} as month_start,
    {{ month_start("cancelled_date") }} as cancelled_month,
    cast(count(*) as bigint) as cancelled,
    cast(sum(days_to_cancel) as bigint) as days_to_cancel,
    cast(sum(case when {{ is_transfer() }} then 1 else 0 end) as bigint) as cancelled_c1
from crimes
where event = 'recorded' and is_cancelled_since = 1
group by all
