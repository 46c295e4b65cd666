with

figures as (

    select *
    from {{ ref("int_measure_period") }}
    where period in ('month', 'fytd')

),

measures as (select * from {{ ref("measure_catalogue") }}),

areas as (select * from {{ ref("police_force_areas") }}),

force_months as (

    select distinct
        force_code,
        month_start
    from figures

),

estimates as (

    select
        force_code,
        reference_date,
        population,
        reference_date as valid_from,
        cast(null as date) as valid_to
    from {{ ref("force_populations") }}

),

populations as (
    {{- in_force(
        "force_months",
        columns=["force_code", "month_start"],
        day="month_start",
        list="estimates",
        key=[],
        values=["reference_date", "population"],
    ) }}
),

-- A ratio without parts of its own uses the formula in force for each force.
measures_with_parts as (

    select distinct measure
    from {{ ref("measure_parts") }}

),

final as (

    select
        figures.force_code,
        figures.measure,
        figures.month_start,
        figures.period,
        figures.value,
        figures.numerator,
        figures.denominator,
        figures.is_provisional,
        figures.share_of_days_loaded,
        {{ is_sum() }} as is_sum,
        case
            when measures_with_parts.measure is null then 'no_common_formula'
            when measures.method not in ('sum', 'ratio') then 'not_additive'
        end as not_summed_because,
        case
            when areas.force_code is null then 'outside_england_and_wales'
            when not figures.is_known then 'no_data'
            when figures.is_provisional then 'incomplete'
        end as left_out_because,
        populations.reference_date as population_date,
        populations.population
    from figures
    inner join measures
        on figures.measure = measures.measure
    left join measures_with_parts
        on figures.measure = measures_with_parts.measure
    left join areas
        on figures.force_code = areas.force_code
    left join populations
        on figures.force_code = populations.force_code
        and figures.month_start = populations.month_start

)

select * from final
