{#- Complete weeks of a chart: a year, and the week a year before the newest. -#}
{%- set weeks = var("control_chart_weeks") -%}

with

measure_weeks as (

    select
        *,
        measure as formula_measure
    from {{ ref("kpi_measure_weekly") }}

),

measures as (select * from {{ ref("measure_catalogue") }}),

measure_parts as (select * from {{ ref("measure_parts") }}),

baselines as (select * from {{ ref("control_chart_baselines") }}),

complete_weeks as (

    select
        *,
        value is not null as is_point,
        cast(row_number() over (
            partition by force_code, measure
            order by week_start desc nulls last
        ) as bigint) as weeks_back
    from measure_weeks
    where not is_provisional

),

newest_weeks as (

    select *
    from complete_weeks
    where weeks_back <= {{ weeks }}

),

chart_weeks as (
    {{- control_chart_periods("newest_weeks", "measures", "measure_parts", "baselines", "week_start") }}
),

final as (
    {{- control_chart_limits("chart_weeks", ["force_code", "measure"], "week_start") }}
)

select * from final
