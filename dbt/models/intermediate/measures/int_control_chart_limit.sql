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
        may_be_negative.measure is null as has_floor,
        measures.unit = 'percent' as has_ceiling,
        min(measure_months.month_start) over (
            partition by measure_months.force_code, measure_months.measure, segmented.baselines_begun
        ) as baseline_start
    from measure_months
    inner join segmented
        on measure_months.force_code = segmented.force_code
        and measure_months.measure = segmented.measure
        and measure_months.month_start = segmented.month_start
    inner join measures
        on measure_months.measure = measures.measure
    left join may_be_negative
        on measure_months.measure = may_be_negative.measure

),

final as (
    {{- control_chart_limits("chart_months", ["force_code", "measure"]) }}
)

select * from final
