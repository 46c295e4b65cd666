{#- XmR charts: of whole series by month (kpi_measure_spc) and by week (kpi_measure_spc_weekly), and of each month as they
    stood then (kpi_measure_spc_as_of). `key` names the columns that tell charts apart, `period` the column of the first
    day of a point's month or week; a segment of a chart is its periods of one baseline_start. -#}

{#- Points that a verdict needs. -#}
{% macro control_chart_least_points() %}{{ return(12) }}{% endmacro %}

{#- Query: the months or weeks of `figures` as points of charts, with the bounds of their limits and the segment that each
    is in. `figures` has force_code, measure, the period, value, target, is_point, is_provisional and
    share_of_days_loaded; `measures`, `measure_parts` and `baselines` are the seeds. Measures of another chart type are
    left out.

    A segment is told from the others by how many baselines have begun. A force with a line of its own for the measure
    follows its own lines alone: the lines of every force would cut its chart where nothing changed. -#}
{% macro control_chart_periods(figures, measures, measure_parts, baselines, period="month_start") %}
with

may_be_negative as (
    select distinct measure
    from {{ measure_parts }}
    where role = 'numerator' and weight < 0
),

own_baselines as (
    select distinct
        force_code,
        measure
    from {{ baselines }}
),

segmented as (
    select
        figures.force_code,
        figures.measure,
        figures.{{ period }},
        count(baselines.valid_from) as baselines_begun
    from {{ figures }} as figures
    left join own_baselines
        on figures.force_code = own_baselines.force_code
        and figures.measure = own_baselines.measure
    left join {{ baselines }} as baselines
        on figures.measure = baselines.measure
        and coalesce(own_baselines.force_code, '*') = baselines.force_code
        and figures.{{ period }} >= baselines.valid_from
    group by all
),

final as (
    select
        figures.force_code,
        figures.measure,
        figures.{{ period }},
        figures.value,
        figures.target,
        figures.is_provisional,
        figures.share_of_days_loaded,
        figures.is_point,
        may_be_negative.measure is null as has_floor,
        measures.unit = 'percent' as has_ceiling,
        min(figures.{{ period }}) over (
            partition by figures.force_code, figures.measure, segmented.baselines_begun
        ) as baseline_start
    from {{ figures }} as figures
    inner join segmented
        on figures.force_code = segmented.force_code
        and figures.measure = segmented.measure
        and figures.{{ period }} = segmented.{{ period }}
    inner join {{ measures }} as measures
        on figures.measure = measures.measure
    left join may_be_negative
        on figures.measure = may_be_negative.measure
    where measures.chart_type = 'xmr'
)

select * from final
{% endmacro %}

{#- Query: the periods of charts with mean, median and limits of their segments, as quotients of one divisor,
    100 * n * k. With S the sum of the points, n their number, K the sum of the moving ranges that are kept and k their
    number,
        mean  = S / n        = 100 * k * S / (100 * n * k)
        reach = 2.66 * K / k = 266 * n * K / (100 * n * k)
    so that a point is compared with them in decimals of six places, without a division and without rounding. The median
    is doubled, since that of an even number of points is half a sum of two.
    Room: 240 points up to 10^12 make less than 10^20; DECIMAL(38, 6) ends at 10^32, and ratio() at 10^25.

    `periods` has the key, baseline_start, the period, is_point, value, has_floor and has_ceiling; all of its columns
    are in the result. -#}
{% macro control_chart_limits(periods, key, period="month_start") %}
{%- set segment = key + ["baseline_start"] -%}
with

points as (
    select
        {{ segment | join(",\n        ") }},
        {{ period }},
        value,
        row_number() over (
            partition by {{ segment | join(", ") }}
            order by {{ period }} asc nulls last
        ) as point_no,
        row_number() over (
            partition by {{ segment | join(", ") }}
            order by value asc nulls last, {{ period }} asc nulls last
        ) as value_no,
        abs(value - lag(value) over (
            partition by {{ segment | join(", ") }}
            order by {{ period }} asc nulls last
        )) as moving_range
    from {{ periods }}
    where is_point
),

segment_points as (
    select
        {{ segment | join(",\n        ") }},
        count(*) as points,
        count(moving_range) as ranges,
        sum(value) as points_sum,
        sum(moving_range) as ranges_sum
    from points
    group by
        {{ segment | join(",\n        ") }}
),

-- The point in the middle counts twice, of an even number each of the two in the middle once.
segment_medians as (
    select
        {%- for column in segment %}
        points.{{ column }},
        {%- endfor %}
        sum(
            case when 2 * points.value_no = segment_points.points + 1 then 2 else 1 end * points.value
        ) as median_x2
    from points
    inner join segment_points
        on {{ same_columns("points", "segment_points", segment) }}
    where 2 * points.value_no between segment_points.points and segment_points.points + 2
    group by
        {%- for column in segment %}
        points.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}
),

-- Moving ranges above 3.267 times their mean are left out, once, of segments with enough points for a verdict. One is
-- always kept: not all are above their mean.
segment_ranges as (
    select
        {%- for column in segment %}
        points.{{ column }},
        {%- endfor %}
        count(*) as ranges_kept,
        sum(points.moving_range) as ranges_kept_sum
    from points
    inner join segment_points
        on {{ same_columns("points", "segment_points", segment) }}
    where
        points.moving_range is not null
        and (
            segment_points.points < {{ control_chart_least_points() }}
            or 1000 * points.moving_range * segment_points.ranges <= 3267 * segment_points.ranges_sum
        )
    group by
        {%- for column in segment %}
        points.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}
),

-- Without a moving range above 0 there are no limits: any other value, however near, would be outside them.
scaled as (
    select
        segment_points.*,
        segment_medians.median_x2,
        100 * segment_points.points * segment_ranges.ranges_kept as divisor,
        100 * segment_points.points_sum * segment_ranges.ranges_kept as scaled_mean,
        266 * segment_ranges.ranges_kept_sum * segment_points.points as scaled_reach
    from segment_points
    inner join segment_medians
        on {{ same_columns("segment_points", "segment_medians", segment) }}
    left join segment_ranges
        on
            {{ same_columns("segment_points", "segment_ranges", segment) }}
            and segment_ranges.ranges_kept_sum > 0
),

-- A mean beyond 0 or 100 is that of a measure without this bound, such as the crimes cancelled of the crimes recorded.
final as (
    select
        periods.*,
        points.point_no,
        coalesce(scaled.points, 0) as points,
        cast(scaled.points_sum as decimal(38, 6)) as points_sum,
        cast(scaled.median_x2 as decimal(38, 6)) as median_x2,
        scaled.divisor,
        cast(scaled.scaled_mean as decimal(38, 6)) as scaled_mean,
        cast(scaled.scaled_reach as decimal(38, 6)) as scaled_reach,
        cast(
            case
                when periods.has_floor and scaled.scaled_mean >= 0
                    then greatest(scaled.scaled_mean - scaled.scaled_reach, 0)
                else scaled.scaled_mean - scaled.scaled_reach
            end as decimal(38, 6)
        ) as scaled_lower_limit,
        cast(
            case
                when periods.has_ceiling and scaled.scaled_mean <= 100 * scaled.divisor
                    then least(scaled.scaled_mean + scaled.scaled_reach, 100 * scaled.divisor)
                else scaled.scaled_mean + scaled.scaled_reach
            end as decimal(38, 6)
        ) as scaled_upper_limit
    from {{ periods }} as periods
    left join scaled
        on {{ same_columns("periods", "scaled", segment) }}
    left join points
        on {{ same_columns("periods", "points", key + [period]) }}
)

select * from final
{% endmacro %}

{#- Query: the periods of `charts`, which has the columns of control_chart_limits, with what each is a signal of and
    whether the target can be relied on: signal, variation and assurance. `measures` is the catalogue. A segment of too
    few points has none of them; one without limits has trends and shifts, which need none, and no assurance.

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

-- Where each point stands, by itself and against the point before it. The outer third is that of the limits before they
-- are cut at 0 or 100: else a limit near the mean would make an outer third of ordinary points.
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

-- The number of the point less its number among the points alike is the same throughout a run, and in no other run of
-- that kind.
runs as (
    select
        *,
        point_no - row_number() over (
            partition by {{ segment }}, half
            order by point_no asc nulls last
        ) as half_run,
        point_no - row_number() over (
            partition by {{ segment }}, direction
            order by point_no asc nulls last
        ) as direction_run
    from placed
),

run_lengths as (
    select
        *,
        count(*) over (partition by {{ segment }}, half, half_run) as half_run_points,
        count(*) over (partition by {{ segment }}, direction, direction_run) as direction_run_steps
    from runs
),

-- Three points, this the last of them: the side that all are on, if two of them are in its outer third.
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

-- Seven points that rise are six steps: the point that the first step comes from belongs to them.
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
        -- The point at which a fall of seven turns into a rise of seven shows the run that led to it.
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
        charts.target * charts.divisor as scaled_target
    from {{ charts }} as charts
    inner join {{ measures }} as measures
        on charts.measure = measures.measure
    left join signals
        on {{ same_columns("charts", "signals", point) }}
),

-- Targets are strictly under, or strictly above: a limit on the target misses it.
final as (
    select
        *,
        case
            when points < {{ control_chart_least_points() }} then null
            when scaled_target is null or better = 'neither' then null
            when better = 'lower' and scaled_upper_limit < scaled_target then 'consistently_meets'
            when better = 'lower' and scaled_lower_limit >= scaled_target then 'consistently_misses'
            when better = 'higher' and scaled_lower_limit > scaled_target then 'consistently_meets'
            when better = 'higher' and scaled_upper_limit <= scaled_target then 'consistently_misses'
            else 'hit_and_miss'
        end as assurance
    from judged
)

select * from final
{% endmacro %}

{#- What is published of a month or week of a chart, after its key. -#}
{% macro control_chart_columns(period="month_start") -%}
    cast({{ period }} as date) as {{ period }},
        cast(value as decimal(38, 6)) as value,
        {{ ratio("points_sum", "points") }} as mean,
        {{ ratio("scaled_lower_limit", "divisor") }} as lower_limit,
        {{ ratio("scaled_upper_limit", "divisor") }} as upper_limit,
        points < {{ control_chart_least_points() }} as is_trial,
        cast(signal as {{ dbt.type_string() }}) as signal,
        cast(variation as {{ dbt.type_string() }}) as variation,
        cast(assurance as {{ dbt.type_string() }}) as assurance,
        cast(target as decimal(38, 6)) as target,
        cast(points as bigint) as points,
        cast(baseline_start as date) as baseline_start,
        cast(is_provisional as boolean) as is_provisional,
        cast(share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded
{%- endmacro %}

{#- Pre-hook: delete from the model's table the charts of which a month is not what it was then, or is no month any more.
    The last month of a chart stands in it with the figure and the days that it was made with. -#}
{% macro forget_charts(months) %}
    {#- Outside the condition, since dbt takes a dependency only from a ref that it sees while parsing. -#}
    {%- set months_relation = ref(months) -%}
    {%- set columns = "force_code, measure, month_start, baseline_start, value, target, is_provisional, share_of_days_loaded" -%}
    {%- if is_incremental() %}
delete from {{ this }}
where exists (
    select 1
    from (
        (
            select {{ columns }} from {{ this }} where month_start = as_of_month
            except
            select {{ columns }} from {{ months_relation }}
        )
        union all
        (
            select {{ columns }} from {{ months_relation }}
            except
            select {{ columns }} from {{ this }} where month_start = as_of_month
        )
    ) as changed
    where
        changed.force_code = {{ this }}.force_code
        and changed.measure = {{ this }}.measure
        and changed.month_start <= {{ this }}.as_of_month
)
    {%- endif -%}
{% endmacro %}
