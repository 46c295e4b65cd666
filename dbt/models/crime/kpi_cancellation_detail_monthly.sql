{{ config(
    meta={"archive": {"day": "month_start", "sources": ["crimes"]}},
    post_hook="{{ keep_archived() }}",
) }}

with

crimes as (select * from {{ ref("int_crime_event") }}),

deliveries as (select * from {{ ref("int_measure_delivery") }}),

-- A cancelled crime has two rows: by cancellation and by recording.
cancelled as (

    select
        force_code,
        {{ month_start("event_date") }} as month_start,
        case when event = 'cancelled' then 'event' else 'cohort' end as counted_by,
        cancel_code,
        offence_code,
        days_to_cancel,
        case
            when days_to_cancel < 1 then 0
            when days_to_cancel <= 7 then 1
            when days_to_cancel <= 30 then 8
            when days_to_cancel <= 90 then 31
            when days_to_cancel <= 365 then 91
            else 366
        end as days_from
    from crimes
    where is_cancelled_since = 1

),

counted as (

    select
        force_code,
        month_start,
        counted_by,
        cancel_code,
        offence_code,
        days_from,
        count(*) as cancelled,
        sum(days_to_cancel) as days_to_cancel_total
    from cancelled
    group by all

),

final as (

    select
        cast(counted.force_code as {{ dbt.type_string() }}) as force_code,
        cast(counted.month_start as date) as month_start,
        cast(counted.counted_by as {{ dbt.type_string() }}) as counted_by,
        cast(counted.cancel_code as {{ dbt.type_string() }}) as cancel_code,
        cast({{ is_transfer("counted.cancel_code") }} as boolean) as is_transfer,
        cast(counted.offence_code as {{ dbt.type_string() }}) as offence_code,
        cast(
            case counted.days_from
                when 0 then '0'
                when 1 then '1-7'
                when 8 then '8-30'
                when 31 then '31-90'
                when 91 then '91-365'
                else 'over 365'
            end as {{ dbt.type_string() }}
        ) as days_band,
        cast(counted.days_from as bigint) as days_from,
        cast(counted.cancelled as bigint) as cancelled,
        cast(counted.days_to_cancel_total as bigint) as days_to_cancel_total,
        cast(deliveries.days_loaded < deliveries.days_in_month as boolean) as is_provisional,
        {{ ratio("deliveries.days_loaded", "deliveries.days_in_month", 100) }} as share_of_days_loaded
    from counted
    inner join deliveries
        on counted.force_code = deliveries.force_code
        and counted.month_start = deliveries.month_start
        and deliveries.measure
        = case when counted.counted_by = 'event' then 'crime.cancelled_crime' else 'crime.pct_cohort_cancelled' end
        and deliveries.days_loaded > 0

)

select * from final
