with

chart_weeks as (select * from {{ ref("int_control_chart_limit_weekly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

verdicts as (
    {{- control_chart_verdicts("chart_weeks", "measures", ["force_code", "measure"], "week_start") }}
),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(measure as {{ dbt.type_string() }}) as measure,
        {{ control_chart_columns("week_start") }}
    from verdicts

)

select * from final
