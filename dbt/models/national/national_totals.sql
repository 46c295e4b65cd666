with

figures as (select * from {{ ref("int_national_figure") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

force_areas as (select * from {{ ref("police_force_areas") }}),

areas as (

    select
        region as area,
        force_code
    from force_areas

    union all

    select
        'England and Wales' as area,
        force_code
    from force_areas

),

forces_of_areas as (

    select
        area,
        count(*) as forces_in_area
    from areas
    group by all

),

summed as (

    select
        areas.area,
        figures.measure,
        figures.month_start,
        figures.period,
        {{ sums_of_complete_forces("figures") }}
    from figures
    inner join areas
        on figures.force_code = areas.force_code
    group by all

),

judged as (

    select
        summed.*,
        forces_of_areas.forces_in_area,
        {{ figure_numerator("summed") }} as value_numerator,
        {{ figure_denominator("summed") }} as value_denominator,
        measures.numerator_divisor,
        measures.denominator_divisor,
        {{ reason_without_total("summed") }} as reason
    from summed
    inner join measures
        on summed.measure = measures.measure
    inner join forces_of_areas
        on summed.area = forces_of_areas.area

),

final as (

    select
        cast(area as {{ dbt.type_string() }}) as area,
        cast(measure as {{ dbt.type_string() }}) as measure,
        cast(month_start as date) as month_start,
        cast(period as {{ dbt.type_string() }}) as period,
        cast(case when reason is null then {{ ratio("numerator", "numerator_divisor") }} end as decimal(38, 6))
            as numerator,
        cast(case when reason is null then {{ ratio("denominator", "denominator_divisor") }} end as decimal(38, 6))
            as denominator,
        cast(case when reason is null then {{ ratio("value_numerator", "value_denominator") }} end as decimal(38, 6))
            as value,
        cast(reason as {{ dbt.type_string() }}) as reason,
        cast(forces_complete as bigint) as forces_complete,
        cast(forces_in_area as bigint) as forces_in_area,
        cast(population as bigint) as population,
        cast({{ rate_of_sum() }} as decimal(38, 6)) as per_100_000
    from judged

)

select * from final
