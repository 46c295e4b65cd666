with

figures as (select * from {{ ref("int_crime_monthly") }}),

transfers as (

    select
        force_code,
        month_start,
        sum(cancelled) as cancelled
    from {{ ref("kpi_cancellation_detail_monthly") }}
    where counted_by = 'cohort' and is_transfer
    group by all

),

months as (

    select
        force_code,
        month_start,
        cast(max(case when measure = 'crime.recorded_crime' then value end) as bigint) as recorded_crime,
        cast(max(case when measure = 'crime.cancelled_crime' then value end) as bigint) as cancelled_crime,
        cast(max(case when measure = 'crime.cancelled.C1' then value end) as bigint) as cancelled_c1,
        cast(max(case when measure = 'crime.pct_cohort_cancelled' then numerator end) as bigint) as cohort_cancelled,
        max(case when is_provisional then 1 else 0 end) = 1 as is_provisional,
        min(share_of_days_loaded) as share_of_days_loaded
    from figures
    where
        measure in (
            'crime.recorded_crime', 'crime.cancelled_crime', 'crime.cancelled.C1', 'crime.pct_cohort_cancelled'
        )
    group by
        force_code,
        month_start

)

select
    months.*,
    months.cancelled_crime - months.cancelled_c1 as cancelled_other_than_c1,
    {{ ratio("(months.cancelled_crime - months.cancelled_c1)", "months.recorded_crime", 100) }}
        as pct_cancelled_other_than_c1_of_recorded,
    cast(case when months.cohort_cancelled is not null then coalesce(transfers.cancelled, 0) end as bigint)
        as cohort_cancelled_c1,
    months.recorded_crime - months.cancelled_crime as net_recorded_event_view,
    months.recorded_crime - months.cohort_cancelled as net_recorded_cohort_view
from months
left join transfers
    on {{ same_columns("months", "transfers", ["force_code", "month_start"]) }}
