with

measures as (

    select * from {{ ref("measure_catalogue") }}

),

targets as (

    select * from {{ ref("measure_targets") }}

),

-- What all forces without a line of their own aim at today.
standing_targets as (

    select
        measure,
        target
    from targets
    where force_code = '*' and valid_to is null

),

final as (

    select
        cast(measures.measure as {{ dbt.type_string() }}) as measure,
        cast(section as {{ dbt.type_string() }}) as section,
        cast(name as {{ dbt.type_string() }}) as name,
        cast(label as {{ dbt.type_string() }}) as label,
        cast(unit as {{ dbt.type_string() }}) as unit,
        cast(decimals as bigint) as decimals,
        cast(better as {{ dbt.type_string() }}) as better,
        cast(standing_targets.target as decimal(38, 6)) as target,
        cast(owner as {{ dbt.type_string() }}) as owner,
        cast(definition as {{ dbt.type_string() }}) as definition,
        cast(nullif(numerator, '') as {{ dbt.type_string() }}) as numerator,
        cast(nullif(denominator, '') as {{ dbt.type_string() }}) as denominator,
        cast(is_additive as boolean) as is_additive,
        cast(in_board_paper as boolean) as in_board_paper,
        cast(board_paper_order as bigint) as board_paper_order,
        cast(sources as {{ dbt.type_string() }}) as sources,
        cast(factor as bigint) as factor,
        cast(numerator_divisor as bigint) as numerator_divisor,
        cast(denominator_divisor as bigint) as denominator_divisor,
        cast(nullif(breakdown, '') as {{ dbt.type_string() }}) as breakdown
    from measures
    left join standing_targets
        on measures.measure = standing_targets.measure

)

select * from final
