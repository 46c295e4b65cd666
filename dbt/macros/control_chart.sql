{#- XmR charts, of whole series (kpi_measure_spc) and of each month as they stood then (kpi_measure_spc_as_of). `key`
    names the columns that tell charts apart; a segment of a chart is its months of one baseline_start. -#}

{#- Query: the months of charts with mean and limits of their segments, as quotients of one divisor, 100 * n * k. With S
    the sum of the points, n their number, K the sum of the moving ranges that are kept and k their number,
        mean  = S / n        = 100 * k * S / (100 * n * k)
        reach = 2.66 * K / k = 266 * n * K / (100 * n * k)
    so that a point is compared with them in decimals of six places, without a division and without rounding.
    Room: 240 points up to 10^12 make less than 10^20; DECIMAL(38, 6) ends at 10^32, and ratio() at 10^25.

    `months` has the key, baseline_start, month_start, is_point, value, has_floor and has_ceiling; all of its columns
    are in the result. -#}
{% macro control_chart_limits(months, key) %}
{%- set segment = key + ["baseline_start"] -%}
with

points as (
    select
        {{ segment | join(",\n        ") }},
        month_start,
        value,
        row_number() over (
            partition by {{ segment | join(", ") }}
            order by month_start asc nulls last
        ) as point_no,
        abs(value - lag(value) over (
            partition by {{ segment | join(", ") }}
            order by month_start asc nulls last
        )) as moving_range
    from {{ months }}
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

-- Moving ranges above 3.267 times their mean are left out, once. One is always kept: not all are above their mean.
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
    where 1000 * points.moving_range * segment_points.ranges <= 3267 * segment_points.ranges_sum
    group by
        {%- for column in segment %}
        points.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}
),

scaled as (
    select
        segment_points.*,
        100 * segment_points.points * segment_ranges.ranges_kept as divisor,
        100 * segment_points.points_sum * segment_ranges.ranges_kept as scaled_mean,
        266 * segment_ranges.ranges_kept_sum * segment_points.points as scaled_reach
    from segment_points
    left join segment_ranges
        on {{ same_columns("segment_points", "segment_ranges", segment) }}
),

-- A mean beyond 0 or 100 is that of a measure without this bound, such as the crimes cancelled of the crimes recorded.
final as (
    select
        months.*,
        points.point_no,
        coalesce(scaled.points, 0) as points,
        cast(scaled.points_sum as decimal(38, 6)) as points_sum,
        scaled.divisor,
        cast(scaled.scaled_mean as decimal(38, 6)) as scaled_mean,
        cast(scaled.scaled_reach as decimal(38, 6)) as scaled_reach,
        cast(
            case
                when months.has_floor and scaled.scaled_mean >= 0
                    then greatest(scaled.scaled_mean - scaled.scaled_reach, 0)
                else scaled.scaled_mean - scaled.scaled_reach
            end as decimal(38, 6)
        ) as scaled_lower_limit,
        cast(
            case
                when months.has_ceiling and scaled.scaled_mean <= 100 * scaled.divisor
                    then least(scaled.scaled_mean + scaled.scaled_reach, 100 * scaled.divisor)
                else scaled.scaled_mean + scaled.scaled_reach
            end as decimal(38, 6)
        ) as scaled_upper_limit
    from {{ months }} as months
    left join scaled
        on {{ same_columns("months", "scaled", segment) }}
    left join points
        on {{ same_columns("months", "points", key + ["month_start"]) }}
)

select * from final
{% endmacro %}

{#- Query: the months of `charts`, which has the columns of control_chart_limits, with what each is a signal of and whether
    the target can be relied on: signal, variation and assurance. `measures` is the catalogue.

    Directions and sides are 1 for up, above and rising, -1 for down, below and falling, null for neither. -#}
{% macro control_chart_verdicts(charts, measures, key) %}
{%- set segment = (key + ["baseline_start"]) | join(", ") -%}
{%- set month = key + ["month_start"] -%}
with

distances as (
    select
        *,
        value * divisor as scaled_value,
        value * divisor - scaled_mean as scaled_distance,
        value - lag(value) over (
            partition by {{ segment }}
            order by point_no asc nulls last
        ) as change
    from {{ charts }}
    where is_point and divisor is not null
),

-- Where each point stands, by itself and against the point before it. The outer third is that of the limits before they
-- are cut at 0 or 100: else a limit near the mean would make an outer third of ordinary points.
placed as (
    select
        {{ month | join(",\n        ") }},
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
        {{ month | join(",\n        ") }},
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
        {{ month | join(",\n        ") }},
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
        charts.*,
        measures.better,
        signals.signal,
        case
            when signals.month_start is null then null
            when signals.signal is null then 'common_cause'
            when measures.better = 'neither' then 'special_cause'
            when measures.better = 'higher' and signals.signal_direction = 1 then 'improving'
            when measures.better = 'lower' and signals.signal_direction = -1 then 'improving'
            else 'concerning'
        end as variation,
        charts.target * charts.divisor as scaled_target
    from {{ charts }} as charts
    inner join {{ measures }} as measures
        on charts.measure = measures.measure
    left join signals
        on {{ same_columns("charts", "signals", month) }}
),

-- Targets are strictly under, or strictly above: a limit on the target misses it.
final as (
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
)

select * from final
{% endmacro %}

{#- What is published of a month of a chart, after its key. -#}
{% macro control_chart_columns() -%}
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
