with

forces as (select * from {{ ref("dim_force") }}),

areas as (select * from {{ ref("police_force_areas") }}),

populations as (select * from {{ ref("force_populations") }}),

similar_forces as (select * from {{ ref("similar_forces") }}),

newest_estimates as (

    select
        force_code,
        max(reference_date) as reference_date
    from populations
    group by all

),

similar_groups as (

    select
        force_code,
        {{ joined_text("similar_force_code") }} as similar_forces,
        min(source) as source
    from similar_forces
    where valid_to is null
    group by all

),

final as (

    select
        cast(forces.force_code as {{ dbt.type_string() }}) as force_code,
        cast(forces.force_name as {{ dbt.type_string() }}) as force_name,
        cast(areas.area_code as {{ dbt.type_string() }}) as area_code,
        cast(areas.region as {{ dbt.type_string() }}) as region,
        cast(populations.population as bigint) as population,
        cast(populations.reference_date as date) as population_date,
        cast(populations.source as {{ dbt.type_string() }}) as population_source,
        cast(similar_groups.similar_forces as {{ dbt.type_string() }}) as similar_forces,
        cast(similar_groups.source as {{ dbt.type_string() }}) as similar_forces_source
    from forces
    left join areas
        on forces.force_code = areas.force_code
    left join newest_estimates
        on forces.force_code = newest_estimates.force_code
    left join populations
        on newest_estimates.force_code = populations.force_code
        and newest_estimates.reference_date = populations.reference_date
    left join similar_groups
        on forces.force_code = similar_groups.force_code

)

select * from final
