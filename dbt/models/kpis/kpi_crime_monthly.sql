with

measure_months as (

    select * from {{ ref("int_measure_monthly") }}

),

chosen as (

    select * from measure_months
    where measure in (
        'crime.recorded_crime',
        'crime.cancelled_crime',
        'crime.pct_cancelled',
        'crime.pct_cancelled_of_recorded',
        'crime.pct_cancelled_of_initially_recorded',
        'crime.pct_cohort_cancelled',
        'crime.days_to_cancel'
    )

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(month_start as date) as month_start,
        {{ measure_value("crime.recorded_crime", "bigint") }} as recorded_crime,
        {{ measure_value("crime.cancelled_crime", "bigint") }} as cancelled_crime,
        {{ measure_value("crime.pct_cancelled") }} as pct_cancelled,
        {{ measure_value("crime.pct_cancelled_of_recorded") }} as pct_cancelled_of_recorded,
        {{ measure_value("crime.pct_cancelled_of_initially_recorded") }} as pct_cancelled_of_initially_recorded,
        {{ measure_value("crime.pct_cohort_cancelled") }} as pct_cohort_cancelled,
        {{ measure_value("crime.days_to_cancel") }} as days_to_cancel,
        cast(max(case when is_provisional then 1 else 0 end) = 1 as boolean) as is_provisional,
        cast(min(share_of_days_loaded) as decimal(38, 6)) as share_of_days_loaded
    from chosen
    group by
        force_code,
        month_start

)

select * from final
