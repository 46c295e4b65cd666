{{ config(
    meta={"archive": {"key": "offence_code", "sources": ["crimes"]}},
    post_hook="{{ keep_archived() }}",
) }}

with

offences as (select * from {{ ref("offences") }}),

delivered as (
    select distinct offence_code
    from {{ ref("fct_crime_status") }}
)

select
    coalesce(offences.offence_code, delivered.offence_code) as offence_code,
    case when offences.offence_code is null then 'Not in the offence list' else offences.offence_name end as offence_name,
    case when offences.offence_code is null then 'Unclassified' else offences.offence_group end as offence_group
from offences
full outer join delivered
    on offences.offence_code = delivered.offence_code
