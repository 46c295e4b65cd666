{#- Weeks of the measures that have weekly charts, by the rules of int_measure_monthly. -#}
with

measures as (

    select * from {{ ref("measure_catalogue") }}
    where has_weekly_chart

),

source_days as (select * from {{ ref("int_source_day") }}),

gap_days as (select * from {{ ref("int_measure_gap_day") }}),

dates as (select * from {{ ref("dim_date") }}),

measure_sources as (

    select
        measures.measure,
        sources.source
    from measures
    inner join {{ ref("int_measure_source") }} as sources
        on measures.measure = sources.measure

),

silent_weeks as (

    select distinct
        measure,
        force_code,
        {{ week_start("day") }} as week_start
    from {{ ref("int_measure_silent_day") }}

),

weeks as (

    select distinct {{ week_start("date_day") }} as week_start
    from dates

),

source_weeks as (

    select
        source,
        force_code,
        {{ week_start("day") }} as week_start,
        sum(case when is_loaded then 1 else 0 end) as days_loaded
    from source_days
    group by all

),

delivered as (
    {{- measure_deliveries("measure_sources", "source_weeks", "weeks", "gap_days", "week_start") }}
),

-- A week uses the formula and the target of its Monday.
summed as (
    {{- measure_sums("delivered", "week_start") }}
),

final as (

    select
        summed.force_code,
        summed.measure,
        summed.week_start,
        summed.formula_measure,
        {{ ratio("summed.numerator", "measures.numerator_divisor") }} as numerator,
        {{ ratio("summed.denominator", "measures.denominator_divisor") }} as denominator,
        case
            when silent_weeks.measure is null or {{ is_sum() }}
                then {{ ratio(figure_numerator("summed"), figure_denominator("summed")) | indent(16) }}
        end as value,
        summed.days_loaded < 7 as is_provisional,
        {{ ratio("summed.days_loaded", "7", 100) }} as share_of_days_loaded,
        summed.target
    from summed
    inner join measures
        on summed.measure = measures.measure
    left join silent_weeks
        on summed.measure = silent_weeks.measure
        and summed.force_code = silent_weeks.force_code
        and summed.week_start = silent_weeks.week_start

)

select * from final
