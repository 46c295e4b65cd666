with

measure_months as (select * from {{ ref("int_measure_monthly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

measure_parts as (select * from {{ ref("measure_parts") }}),

baselines as (select * from {{ ref("control_chart_baselines") }}),

-- A month with missing days would shift the limits and raise false signals until its last day is loaded.
judged_months as (

    select
        *,
        is_delivered and not is_provisional and value is not null as is_point
    from measure_months

),

chart_months as (
    {{- control_chart_periods("judged_months", "measures", "measure_parts", "baselines") }}
),

final as (
    {{- control_chart_limits("chart_months", ["force_code", "measure"]) }}
)

select * from final
