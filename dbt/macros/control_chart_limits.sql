{#- Query: the periods of charts with mean, median and limits of their segments, as quotients of one divisor,
    100 * n * k. With S the sum of the points, n their number, K the sum of the moving ranges that are kept and k their
    number,
        mean  = S / n        = 100 * k * S / (100 * n * k)
        reach = 2.66 * K / k = 266 * n * K / (100 * n * k)
    so that points are compared with them in decimals of six places, without division or rounding. The median is
    doubled, since that of an even number of points is half a sum of two.
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
        cast(row_number() over (
            partition by {{ segment | join(", ") }}
            order by {{ period }} asc nulls last
        ) as bigint) as point_no,
        cast(row_number() over (
            partition by {{ segment | join(", ") }}
            order by value asc nulls last, {{ period }} asc nulls last
        ) as bigint) as value_no,
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

-- The middle point counts twice; with an even number of points, each of the two middle points counts once.
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

-- In segments with enough points for a verdict, moving ranges above 3.267 times their mean are left out once. At least
-- one is always kept: not all are above their mean.
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

-- Without a moving range above 0 there are no limits: any different value, however close, would be outside them.
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

-- A mean beyond 0 or 100 shows that the measure has no such bound, for example crimes cancelled as a percentage of
-- crimes recorded.
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
