{{ config(
    meta={"archive": {"key": "offence_code", "sources": ["crimes"]}},
    post_hook="{{ keep_archived() }}",
) }}

with

offences as (select * from {{ ref("offences") }}),

delivered as (
    select distinct offence_code
    from {{ ref("fct_crime_status") }}
),

combined as (
    select
        offence_code,
        offence_name,
        offence_group
    from offences
    union all
    select
        delivered.offence_code,
        'Not in the offence list' as offence_name,
        'Unclassified' as offence_group
    from delivered
    left join offences
        on delivered.offence_code = offences.offence_code
    where offences.offence_code is null
)

select
    cast(offence_code as {{ dbt.type_string() }}) as offence_code,
    cast(offence_name as {{ dbt.type_string() }}) as offence_name,
    cast(offence_group as {{ dbt.type_string() }}) as offence_group
from combined
