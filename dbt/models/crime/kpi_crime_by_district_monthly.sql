{{ config(
    meta={"archive": {"day": "month_start", "sources": ["crimes"]}},
    post_hook="{{ keep_archived() }}",
) }}

with

crimes as (select * from {{ ref("int_crime_event") }}),

deliveries as (select * from {{ ref("int_measure_delivery") }}),

counted as (

    select
        force_code,
        {{ month_start("event_date") }} as month_start,
        district,
        sum(case when event = 'recorded' then 1 else 0 end) as recorded_crime,
        sum(case when event = 'cancelled' then 1 else 0 end) as cancelled_crime
    from crimes
    group by all

),

final as (

    select
        cast(counted.force_code as {{ dbt.type_string() }}) as force_code,
        cast(counted.month_start as date) as month_start,
        cast(counted.district as {{ dbt.type_string() }}) as district,
        cast(counted.recorded_crime as bigint) as recorded_crime,
        cast(counted.cancelled_crime as bigint) as cancelled_crime,
        cast(deliveries.days_loaded < deliveries.days_in_month as boolean) as is_provisional,
        {{ ratio("deliveries.days_loaded", "deliveries.days_in_month", 100) }} as share_of_days_loaded
    from counted
    inner join deliveries
        on counted.force_code = deliveries.force_code
        and counted.month_start = deliveries.month_start
    where deliveries.measure = 'crime.cancelled_crime' and deliveries.days_loaded > 0

)

select * from final
