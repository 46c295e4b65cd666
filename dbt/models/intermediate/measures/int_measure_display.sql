{#- A view: whoever traces one figure reads one row of it. -#}
{{ config(materialized="view") }}

with

measure_months as (

    select * from {{ ref("int_measure_monthly") }}

),

measures as (

    select * from {{ ref("measure_catalogue") }}

),

final as (

    select
        measure_months.force_code,
        measure_months.measure,
        measure_months.month_start,
        {{ display_quotient(
            "measure_months.value_numerator",
            "measure_months.value_denominator",
            "measures.unit",
            "measures.decimals",
        ) }} as display_value
    from measure_months
    inner join measures
        on measure_months.measure = measures.measure

)

select * from final
