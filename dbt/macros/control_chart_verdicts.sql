{#- Query: the periods of `charts`, which has the columns of control_chart_limits, with signal, variation and
    assurance. `measures` is the catalogue. A segment with too few points has none of them; one without limits has
    trends and shifts, which need no limits, but no assurance.

    Directions and sides are 1 for up, above and rising, -1 for down, below and falling, null for neither. -#}
{% macro control_chart_verdicts(charts, measures, key, period="month_start") %}
{%- set segment = (key + ["baseline_start"]) | join(", ") -%}
{%- set point = key + [period] -%}
with

distances as (
    select
        *,
        value * divisor as scaled_value,
        value * divisor - scaled_mean as scaled_distance,
        2 * value - median_x2 as distance_from_median_x2,
        value - lag(value) over (
            partition by {{ segment }}
            order by point_no asc nulls last
        ) as change
    from {{ charts }}
    where is_point and points >= {{ control_chart_least_points() }}
),

-- Position of each point by itself and relative to the point before it. The outer third uses the limits before they are
-- cut at 0 or 100; otherwise a cut limit near the mean would put ordinary points in the outer third.
placed as (
    select
        {{ point | join(",\n        ") }},
        baseline_start,
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
            when distance_from_median_x2 > 0 then 1
            when distance_from_median_x2 < 0 then -1
        end as half,
        case
            when change > 0 then 1
            when change < 0 then -1
        end as direction,
        case
            when scaled_value > scaled_upper_limit or scaled_value < scaled_lower_limit then null
            when 3 * scaled_distance > 2 * scaled_reach then 1
            when 3 * scaled_distance < -2 * scaled_reach then -1
        end as outer_third
    from distances
),

-- The number of the point minus its number among points of the same kind is constant within a run, and different for
-- every run of that kind.
runs as (
    select
        *,
        point_no - cast(row_number() over (
            partition by {{ segment }}, half
            order by point_no asc nulls last
        ) as bigint) as half_run,
        point_no - cast(row_number() over (
            partition by {{ segment }}, direction
            order by point_no asc nulls last
        ) as bigint) as direction_run
    from placed
),

run_lengths as (
    select
        *,
        count(*) over (partition by {{ segment }}, half, half_run) as half_run_points,
        count(*) over (partition by {{ segment }}, direction, direction_run) as direction_run_steps
    from runs
),

-- Three points ending with this one: the side that all are on, if two of them are in its outer third.
triples as (
    select
        *,
        case
            when
                side = lag(side, 1) over (partition by {{ segment }} order by point_no asc nulls last)
                and side = lag(side, 2) over (partition by {{ segment }} order by point_no asc nulls last)
                and 2 <= count(outer_third) over (
                    partition by {{ segment }}
                    order by point_no asc nulls last
                    rows between 2 preceding and current row
                )
                then side
        end as triple
    from run_lengths
),

-- Seven rising points are six steps: the point before the first step belongs to the run.
neighbours as (
    select
        *,
        case when half_run_points >= 7 then half end as shift,
        case when direction_run_steps >= 6 then direction end as trend_to_here,
        lead(case when direction_run_steps >= 6 then direction end) over (
            partition by {{ segment }}
            order by point_no asc nulls last
        ) as trend_from_here,
        lead(triple, 1) over (
            partition by {{ segment }}
            order by point_no asc nulls last
        ) as triple_1_after,
        lead(triple, 2) over (
            partition by {{ segment }}
            order by point_no asc nulls last
        ) as triple_2_after
    from triples
),

patterns as (
    select
        {{ point | join(",\n        ") }},
        outside,
        shift,
        -- The point at which a fall of seven turns into a rise of seven shows the earlier run.
        coalesce(trend_to_here, trend_from_here) as trend,
        case when outer_third in (triple, triple_1_after, triple_2_after) then outer_third end as two_of_three
    from neighbours
),

-- The first rule that applies is the signal of the point. A rise among low figures, or a fall among high ones, is
-- neither better nor worse.
signals as (
    select
        {{ point | join(",\n        ") }},
        case
            when outside is not null then 'outside_limits'
            when trend is not null then 'trend'
            when two_of_three is not null then 'two_of_three'
            when shift is not null then 'shift'
        end as signal,
        case
            when outside is null and trend <> shift then null
            else coalesce(outside, trend, two_of_three, shift)
        end as signal_direction
    from patterns
),

judged as (
    select
        charts.*,
        measures.better,
        signals.signal,
        case
            when signals.{{ period }} is null then null
            when signals.signal is null then 'common_cause'
            when measures.better = 'neither' or signals.signal_direction is null then 'unusual'
            when measures.better = 'higher' and signals.signal_direction = 1 then 'improving'
            when measures.better = 'lower' and signals.signal_direction = -1 then 'improving'
            else 'concerning'
        end as variation,
        {%- for limit in ["lower_limit", "upper_limit"] %}
        {{ is_target_met("charts.scaled_" ~ limit, "charts.target * charts.divisor", "measures.better") }} as {{ limit }}_meets
        {{- "," if not loop.last }}
        {%- endfor %}
    from {{ charts }} as charts
    inner join {{ measures }} as measures
        on charts.measure = measures.measure
    left join signals
        on {{ same_columns("charts", "signals", point) }}
),

final as (
    select
        *,
        case
            when points < {{ control_chart_least_points() }} then null
            when lower_limit_meets and upper_limit_meets then 'consistently_meets'
            when not lower_limit_meets and not upper_limit_meets then 'consistently_misses'
            when lower_limit_meets <> upper_limit_meets then 'hit_and_miss'
        end as assurance
    from judged
)

select * from final
{% endmacro %}
