{#- Fails for every row of a control chart that is no month of the table `measured` or has another value or target than
    that, whose mean is not between its limits, or whose verdicts are not those that its signal and its points allow. -#}
{% test control_chart(model, measured) %}

with

charts as (

    select * from {{ model }}

),

measure_months as (

    select * from {{ measured }}

),

joined as (

    select
        charts.*,
        measure_months.value as measured_value,
        measure_months.target as measured_target,
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
    or coalesce(target <> measured_target, (target is null) <> (measured_target is null))
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

{% endtest %}
