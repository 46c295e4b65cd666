with

cancellations as (select * from {{ ref("kpi_cancellation_detail_monthly") }})

select
    force_code,
    month_start,
    cancel_code,
    offence_code,
    cast(sum(cancelled) as bigint) as cancelled,
    is_provisional,
    share_of_days_loaded
from cancellations
where counted_by = 'event'
group by all
