{#- Fails for every row of a control chart that is not a month (or week, by `period`) of the table `measured` or
    that differs from it in value or target, whose mean is not between its limits, or whose verdicts are not those
    that its signal and its points allow; for every month of a measure of chart type xmr without a row, and every
    row of another measure. Of weeks, the complete ones from the first of a chart on have a row. -#}
{% test control_chart(model, measured, catalogue, period="month_start") %}

with

charts as (

    select * from {{ model }}

),

measures as (

    select * from {{ catalogue }}
    where chart_type = 'xmr'

),

first_periods as (

    select
        force_code,
        measure,
        min({{ period }}) as first_period
    from charts
    group by all

),

figures as (

    select figures.*
    from {{ measured }} as figures
    inner join measures
        on figures.measure = measures.measure
    {%- if period == "week_start" %}
    inner join first_periods
        on figures.force_code = first_periods.force_code
        and figures.measure = first_periods.measure
        and figures.{{ period }} >= first_periods.first_period
    where not figures.is_provisional
    {%- endif %}

),

joined as (

    select
        charts.*,
        figures.value as measured_value,
        figures.target as measured_target,
        figures.measure is not null as is_measured
    from charts
    full outer join figures
        on charts.force_code = figures.force_code
        and charts.measure = figures.measure
        and charts.{{ period }} = figures.{{ period }}

)

select * from joined
where
    {{ period }} is null
    or not is_measured
    or coalesce(value <> measured_value, (value is null) <> (measured_value is null))
    or coalesce(target <> measured_target, (target is null) <> (measured_target is null))
    or (is_target_met is not null and (value is null or target is null))
    or (is_target_met and value = target)
    or (points < 2 and lower_limit is not null)
    or (lower_limit is null) <> (upper_limit is null)
    or is_trial <> (points < 12)
    or (points < 12 and coalesce(signal, variation, assurance) is not null)
    or (lower_limit is null and (assurance is not null or signal in ('outside_limits', 'two_of_three')))
    or lower_limit > upper_limit
    or mean < lower_limit
    or mean > upper_limit
    or (signal is not null and coalesce(variation, 'common_cause') = 'common_cause')
    or (signal is null and variation <> 'common_cause')
    or (variation is not null and is_provisional)
    or signal not in ('outside_limits', 'trend', 'two_of_three', 'shift')
    or variation not in ('common_cause', 'improving', 'concerning', 'unusual')
    or assurance not in ('consistently_meets', 'consistently_misses', 'hit_and_miss')

{% endtest %}
