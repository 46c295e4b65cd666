with

measure_months as (select * from {{ ref("int_crime_monthly") }}),

details as (select * from {{ ref("kpi_cancellation_detail_monthly") }}),

chosen as (

    select * from measure_months
    where measure in (
        'crime.recorded_crime',
        'crime.cancelled_crime',
        'crime.cancelled.C1',
        'crime.pct_cohort_cancelled'
    )

),

months as (

    select
        force_code,
        month_start,
        max(case when measure = 'crime.recorded_crime' then value end) as recorded_crime,
        max(case when measure = 'crime.cancelled_crime' then value end) as cancelled_crime,
        max(case when measure = 'crime.cancelled.C1' then value end) as cancelled_c1,
        max(case when measure = 'crime.pct_cohort_cancelled' then numerator end) as cohort_cancelled,
        max(case when is_provisional then 1 else 0 end) = 1 as is_provisional,
        min(share_of_days_loaded) as share_of_days_loaded
    from chosen
    group by all

),

transfers as (

    select
        force_code,
        month_start,
        sum(cancelled) as cohort_cancelled_c1
    from details
    where counted_by = 'cohort' and is_transfer
    group by all

),

final as (

    select
        cast(months.force_code as {{ dbt.type_string() }}) as force_code,
        cast(months.month_start as date) as month_start,
        cast(months.recorded_crime as bigint) as recorded_crime,
        cast(months.cancelled_crime as bigint) as cancelled_crime,
        cast(months.cancelled_c1 as bigint) as cancelled_c1,
        cast(months.cancelled_crime - months.cancelled_c1 as bigint) as cancelled_other_than_c1,
        {{ ratio("(months.cancelled_crime - months.cancelled_c1)", "months.recorded_crime", 100) }}
            as pct_cancelled_other_than_c1_of_recorded,
        cast(months.cohort_cancelled as bigint) as cohort_cancelled,
        cast(
            case when months.cohort_cancelled is not null then coalesce(transfers.cohort_cancelled_c1, 0) end as bigint
        ) as cohort_cancelled_c1,
        cast(months.recorded_crime - months.cancelled_crime as bigint) as net_recorded_event_view,
        cast(months.recorded_crime - months.cohort_cancelled as bigint) as net_recorded_cohort_view,
        cast(months.is_provisional as boolean) as is_provisional,
        cast(months.share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded
    from months
    left join transfers
        on months.force_code = transfers.force_code
        and months.month_start = transfers.month_start

)

select * from final
