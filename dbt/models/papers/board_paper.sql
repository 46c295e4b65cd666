with

measure_months as (

    select *
    from {{ ref("kpi_measure_period") }}
    where period = 'month'

),

measures as (select * from {{ ref("measure_catalogue") }}),

final as (

    select
        cast(measure_months.force_code as {{ dbt.type_string() }}) as force_code,
        cast(measures.section as {{ dbt.type_string() }}) as section,
        cast(measures.label as {{ dbt.type_string() }}) as label,
        cast(measures.name as {{ dbt.type_string() }}) as measure,
        cast(measure_months.month_start as date) as month_start,
        cast(measure_months.value as decimal(38, 6)) as value,
        cast(measure_months.display_value as {{ dbt.type_string() }}) as display_value,
        cast(measures.unit as {{ dbt.type_string() }}) as unit,
        cast(measures.board_paper_order as bigint) as sort_order,
        cast(measure_months.is_provisional as boolean) as is_provisional,
        cast(measure_months.share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded
    from measure_months
    inner join measures
        on measure_months.measure = measures.measure
    where measures.in_board_paper

)

select * from final
