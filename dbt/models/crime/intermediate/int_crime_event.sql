{#- A view: five small aggregations read it, and a table would hold every crime a second time. -#}
{{ config(materialized="view") }}

with

crimes as (select * from {{ ref("fct_crime") }})

select
    force_code,
    crime_ref,
    'recorded' as event,
    recorded_date as event_date,
    cancelled_date,
    offence_code,
    district,
    cancel_code,
    case when is_cancelled then 1 else 0 end as is_cancelled_since,
    coalesce(days_to_cancel, 0) as days_to_cancel,
    load_id,
    source_row
from crimes

union all

select
    force_code,
    crime_ref,
    'cancelled' as event,
    cancelled_date as event_date,
    cancelled_date,
    offence_code,
    district,
    cancel_code,
    1 as is_cancelled_since,
    days_to_cancel,
    load_id,
    source_row
from crimes
where is_cancelled
