{%- set key = ["force_code", "measure"] -%}
with

chart_months as (

    select * from {{ ref("int_control_chart_limit") }}

),

measures as (

    select * from {{ ref("measure_catalogue") }}

),

charts as (

    select
        chart_months.*,
        measures.better
    from chart_months
    inner join measures
        on chart_months.measure = measures.measure

),

verdicts as (
    {{- control_chart_verdicts("charts", key) }}
),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(measure as {{ dbt.type_string() }}) as measure,
        {{ control_chart_columns() }}
    from verdicts

)

select * from final
