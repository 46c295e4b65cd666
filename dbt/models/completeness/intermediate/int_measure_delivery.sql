with

measure_sources as (select * from {{ ref("int_measure_source") }}),

source_months as (select * from {{ ref("int_source_month") }}),

gap_days as (select * from {{ ref("int_measure_gap_day") }}),

dates as (select * from {{ ref("dim_date") }}),

months as (

    select distinct
        month_start,
        days_in_month
    from dates

),

delivered as (
    {{- measure_deliveries("measure_sources", "source_months", "months", "gap_days", "month_start") }}
),

final as (

    select
        delivered.measure,
        delivered.force_code,
        delivered.month_start,
        cast(months.days_in_month as bigint) as days_in_month,
        delivered.days_loaded
    from delivered
    inner join months
        on delivered.month_start = months.month_start

)

select * from final
