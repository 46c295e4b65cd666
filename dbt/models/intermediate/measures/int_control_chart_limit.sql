{#-
    Mean and limits of the XmR chart of each segment, as quotients of one divisor, 100 * n * k. With S the sum of the
    points, n their number, K the sum of the moving ranges that are kept and k their number,
        mean  = S / n        = 100 * k * S / (100 * n * k)
        reach = 2.66 * K / k = 266 * n * K / (100 * n * k)
    so that a point is compared with them in decimals of six places, without a division and without rounding.
    Room: 240 points up to 10^12 make less than 10^20; DECIMAL(38, 6) ends at 10^32, and ratio() at 10^25.
-#}
with

measure_months as (

    select * from {{ ref("int_measure_monthly") }}

),

measures as (

    select * from {{ ref("measure_catalogue") }}

),

measure_parts as (

    select * from {{ ref("measure_parts") }}

),

baselines as (

    select * from {{ ref("control_chart_baselines") }}

),

may_be_negative as (

    select distinct measure
    from measure_parts
    where role = 'numerator' and weight < 0

),

own_baselines as (

    select distinct
        force_code,
        measure
    from baselines

),

-- A segment is told from the others by how many baselines have begun. A force with a line of its own for the measure
-- follows its own lines alone: the lines of every force would cut its chart where nothing changed.
segmented as (

    select
        measure_months.force_code,
        measure_months.measure,
        measure_months.month_start,
        count(baselines.valid_from) as baselines_begun
    from measure_months
    left join own_baselines
        on measure_months.force_code = own_baselines.force_code
        and measure_months.measure = own_baselines.measure
    left join baselines
        on measure_months.measure = baselines.measure
        and coalesce(own_baselines.force_code, '*') = baselines.force_code
        and measure_months.month_start >= baselines.valid_from
    group by
        measure_months.force_code,
        measure_months.measure,
        measure_months.month_start

),

-- A month of which days are missing would pull the limits and raise false signals until its last day is loaded.
chart_months as (

    select
        measure_months.force_code,
        measure_months.measure,
        measure_months.month_start,
        measure_months.value,
        measure_months.target,
        measure_months.is_provisional,
        measure_months.share_of_days_loaded,
        measure_months.is_delivered
        and not measure_months.is_provisional
        and measure_months.value is not null as is_point,
        min(measure_months.month_start) over (
            partition by measure_months.force_code, measure_months.measure, segmented.baselines_begun
        ) as baseline_start
    from measure_months
    inner join segmented
        on measure_months.force_code = segmented.force_code
        and measure_months.measure = segmented.measure
        and measure_months.month_start = segmented.month_start

),

chart_points as (

    select
        force_code,
        measure,
        baseline_start,
        month_start,
        value,
        row_number() over (
            partition by force_code, measure, baseline_start
            order by month_start asc nulls last
        ) as point_no,
        abs(value - lag(value) over (
            partition by force_code, measure, baseline_start
            order by month_start asc nulls last
        )) as moving_range
    from chart_months
    where is_point

),

segment_points as (

    select
        force_code,
        measure,
        baseline_start,
        count(*) as points,
        count(moving_range) as ranges,
        sum(value) as points_sum,
        sum(moving_range) as ranges_sum
    from chart_points
    group by
        force_code,
        measure,
        baseline_start

),

-- Moving ranges above 3.267 times their mean are left out, once. One is always kept: not all are above their mean.
segment_ranges as (

    select
        chart_points.force_code,
        chart_points.measure,
        chart_points.baseline_start,
        count(*) as ranges_kept,
        sum(chart_points.moving_range) as ranges_kept_sum
    from chart_points
    inner join segment_points
        on chart_points.force_code = segment_points.force_code
        and chart_points.measure = segment_points.measure
        and chart_points.baseline_start = segment_points.baseline_start
    where 1000 * chart_points.moving_range * segment_points.ranges <= 3267 * segment_points.ranges_sum
    group by
        chart_points.force_code,
        chart_points.measure,
        chart_points.baseline_start

),

scaled as (

    select
        segment_points.force_code,
        segment_points.measure,
        segment_points.baseline_start,
        segment_points.points,
        segment_points.points_sum,
        100 * segment_points.points * segment_ranges.ranges_kept as divisor,
        100 * segment_points.points_sum * segment_ranges.ranges_kept as scaled_mean,
        266 * segment_ranges.ranges_kept_sum * segment_points.points as scaled_reach
    from segment_points
    left join segment_ranges
        on segment_points.force_code = segment_ranges.force_code
        and segment_points.measure = segment_ranges.measure
        and segment_points.baseline_start = segment_ranges.baseline_start

),

-- A mean beyond 0 or 100 is that of a measure without this bound, such as the crimes cancelled of the crimes recorded.
limits as (

    select
        scaled.*,
        case
            when may_be_negative.measure is null and scaled.scaled_mean >= 0
                then greatest(scaled.scaled_mean - scaled.scaled_reach, 0)
            else scaled.scaled_mean - scaled.scaled_reach
        end as scaled_lower_limit,
        case
            when measures.unit = 'percent' and scaled.scaled_mean <= 100 * scaled.divisor
                then least(scaled.scaled_mean + scaled.scaled_reach, 100 * scaled.divisor)
            else scaled.scaled_mean + scaled.scaled_reach
        end as scaled_upper_limit
    from scaled
    inner join measures
        on scaled.measure = measures.measure
    left join may_be_negative
        on scaled.measure = may_be_negative.measure

),

final as (

    select
        chart_months.force_code,
        chart_months.measure,
        chart_months.month_start,
        chart_months.baseline_start,
        chart_months.is_point,
        chart_points.point_no,
        chart_months.value,
        chart_months.target,
        chart_months.is_provisional,
        chart_months.share_of_days_loaded,
        coalesce(limits.points, 0) as points,
        cast(limits.points_sum as decimal(38, 6)) as points_sum,
        limits.divisor,
        cast(limits.scaled_mean as decimal(38, 6)) as scaled_mean,
        cast(limits.scaled_reach as decimal(38, 6)) as scaled_reach,
        cast(limits.scaled_lower_limit as decimal(38, 6)) as scaled_lower_limit,
        cast(limits.scaled_upper_limit as decimal(38, 6)) as scaled_upper_limit
    from chart_months
    left join limits
        on chart_months.force_code = limits.force_code
        and chart_months.measure = limits.measure
        and chart_months.baseline_start = limits.baseline_start
    left join chart_points
        on chart_months.force_code = chart_points.force_code
        and chart_months.measure = chart_points.measure
        and chart_months.month_start = chart_points.month_start

)

select * from final
