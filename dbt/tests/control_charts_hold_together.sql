{#- A chart shows the rows and values of the measures, its mean is between its limits, and its verdicts agree. -#}
with

charts as (

    select * from {{ ref("kpi_measure_spc") }}

),

measure_months as (

    select * from {{ ref("kpi_measure_monthly") }}

),

joined as (

    select
        charts.*,
        measure_months.value as measured_value,
        measure_months.month_start is not null as is_measured
    from charts
    full outer join measure_months
        on charts.force_code = measure_months.force_code
            and charts.measure = measure_months.measure
            and charts.month_start = measure_months.month_start

)

select * from joined
where
    month_start is null
    or not is_measured
    or coalesce(value <> measured_value, (value is null) <> (measured_value is null))
    or (points < 2) <> (lower_limit is null)
    or (points < 2) <> (upper_limit is null)
    or mean < lower_limit
    or mean > upper_limit
    or (signal is not null and coalesce(variation, 'common_cause') = 'common_cause')
    or (signal is null and variation <> 'common_cause')
    or (variation is not null and is_provisional)
    or signal not in ('outside_limits', 'shift', 'trend', 'two_of_three')
    or variation not in ('common_cause', 'improving', 'concerning', 'special_cause')
    or assurance not in ('consistently_meets', 'consistently_misses', 'hit_and_miss')
