{#- Directions and sides are 1 for up, above and rising, -1 for down, below and falling, null for neither. -#}
{%- set segment = "force_code, measure, baseline_start" -%}
with

chart_months as (

    select * from {{ ref("int_control_chart_limit") }}

),

measures as (

    select * from {{ ref("measure_catalogue") }}

),

distances as (

    select
        *,
        value * divisor as scaled_value,
        value * divisor - scaled_mean as scaled_distance,
        value - lag(value) over (
            partition by {{ segment }}
            order by point_no asc nulls last
        ) as change
    from chart_months
    where is_point and divisor is not null

),

-- Where each point stands, by itself and against the point before it. The outer third is that of the limits before they
-- are cut at 0 or 100: else a limit near the mean would make an outer third of ordinary points.
placed as (

    select
        force_code,
        measure,
        baseline_start,
        month_start,
        point_no,
        case
            when scaled_value > scaled_upper_limit then 1
            when scaled_value < scaled_lower_limit then -1
        end as outside,
        case
            when scaled_distance > 0 then 1
            when scaled_distance < 0 then -1
        end as side,
        case
            when change > 0 then 1
            when change < 0 then -1
        end as direction,
        case
            when 3 * scaled_distance > 2 * scaled_reach then 1
            when 3 * scaled_distance < -2 * scaled_reach then -1
        end as outer_third
    from distances

),

-- The number of the point less its number among the points alike is the same throughout a run, and in no other run of
-- that kind.
runs as (

    select
        *,
        point_no - row_number() over (
            partition by {{ segment }}, side
            order by point_no asc nulls last
        ) as side_run,
        point_no - row_number() over (
            partition by {{ segment }}, direction
            order by point_no asc nulls last
        ) as direction_run
    from placed

),

run_lengths as (

    select
        *,
        count(*) over (partition by {{ segment }}, side, side_run) as side_run_points,
        count(*) over (partition by {{ segment }}, direction, direction_run) as direction_run_steps
    from runs

),

-- Seven points that rise are six steps: the point that the first step comes from belongs to them.
neighbours as (

    select
        *,
        case when side_run_points >= 7 then side end as shift,
        case when direction_run_steps >= 6 then direction end as trend_to_here,
        {%- for offset in [1, 2] %}
        lag(outer_third, {{ offset }}) over (
            partition by {{ segment }}
            order by point_no asc nulls last
        ) as outer_third_{{ offset }}_before,
        lead(outer_third, {{ offset }}) over (
            partition by {{ segment }}
            order by point_no asc nulls last
        ) as outer_third_{{ offset }}_after,
        {%- endfor %}
        lead(case when direction_run_steps >= 6 then direction end) over (
            partition by {{ segment }}
            order by point_no asc nulls last
        ) as trend_from_here
    from run_lengths

),

patterns as (

    select
        force_code,
        measure,
        month_start,
        outside,
        shift,
        -- The point at which a fall of seven turns into a rise of seven shows the run that led to it.
        coalesce(trend_to_here, trend_from_here) as trend,
        case
            when outer_third in (
                outer_third_1_before, outer_third_2_before, outer_third_1_after, outer_third_2_after
            ) then outer_third
        end as two_of_three
    from neighbours

),

-- The first rule that applies is the signal of the point.
signals as (

    select
        force_code,
        measure,
        month_start,
        case
            when outside is not null then 'outside_limits'
            when shift is not null then 'shift'
            when trend is not null then 'trend'
            when two_of_three is not null then 'two_of_three'
        end as signal,
        coalesce(outside, shift, trend, two_of_three) as signal_direction
    from patterns

),

judged as (

    select
        chart_months.*,
        signals.signal,
        case
            when signals.month_start is null then null
            when signals.signal is null then 'common_cause'
            when measures.better = 'neither' then 'special_cause'
            when measures.better = 'higher' and signals.signal_direction = 1 then 'improving'
            when measures.better = 'lower' and signals.signal_direction = -1 then 'improving'
            else 'concerning'
        end as variation,
        measures.better,
        chart_months.target * chart_months.divisor as scaled_target
    from chart_months
    inner join measures
        on chart_months.measure = measures.measure
    left join signals
        on chart_months.force_code = signals.force_code
        and chart_months.measure = signals.measure
        and chart_months.month_start = signals.month_start

),

-- Targets are strictly under, or strictly above: a limit on the target misses it.
assured as (

    select
        *,
        case
            when scaled_target is null or better = 'neither' then null
            when better = 'lower' and scaled_upper_limit < scaled_target then 'consistently_meets'
            when better = 'lower' and scaled_lower_limit >= scaled_target then 'consistently_misses'
            when better = 'higher' and scaled_lower_limit > scaled_target then 'consistently_meets'
            when better = 'higher' and scaled_upper_limit <= scaled_target then 'consistently_misses'
            else 'hit_and_miss'
        end as assurance
    from judged

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(measure as {{ dbt.type_string() }}) as measure,
        cast(month_start as date) as month_start,
        cast(value as decimal(38, 6)) as value,
        {{ ratio("points_sum", "points") }} as mean,
        {{ ratio("scaled_lower_limit", "divisor") }} as lower_limit,
        {{ ratio("scaled_upper_limit", "divisor") }} as upper_limit,
        points < 12 as is_trial,
        cast(signal as {{ dbt.type_string() }}) as signal,
        cast(variation as {{ dbt.type_string() }}) as variation,
        cast(assurance as {{ dbt.type_string() }}) as assurance,
        cast(target as decimal(38, 6)) as target,
        cast(points as bigint) as points,
        cast(baseline_start as date) as baseline_start,
        cast(is_provisional as boolean) as is_provisional,
        cast(share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded
    from assured

)

select * from final
