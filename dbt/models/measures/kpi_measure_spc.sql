with

chart_months as (select * from {{ ref("int_control_chart_limit") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

verdicts as (
    {{- control_chart_verdicts("chart_months", "measures", ["force_code", "measure"]) }}
),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(measure as {{ dbt.type_string() }}) as measure,
        {{ control_chart_columns() }}
    from verdicts

)

select * from final
