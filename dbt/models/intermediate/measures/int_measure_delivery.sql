with

measure_sources as (

    select * from {{ ref("int_measure_source") }}

),

source_months as (

    select * from {{ ref("int_source_month") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

months as (

    select distinct
        month_start,
        days_in_month
    from dates

),

-- From the first to the last month in which any source of the measure was delivered for the force.
spans as (

    select
        measure_sources.measure,
        source_months.force_code,
        min(source_months.month_start) as first_month,
        max(source_months.month_start) as last_month
    from measure_sources
    inner join source_months
        on measure_sources.source = source_months.source
    where source_months.days_loaded > 0
    group by
        measure_sources.measure,
        source_months.force_code

),

final as (

    select
        spans.measure,
        spans.force_code,
        months.month_start,
        cast(months.days_in_month as bigint) as days_in_month,
        cast(min(coalesce(source_months.days_loaded, 0)) as bigint) as days_loaded
    from spans
    inner join months
        on months.month_start between spans.first_month and spans.last_month
    inner join measure_sources
        on spans.measure = measure_sources.measure
    left join source_months
        on measure_sources.source = source_months.source
        and spans.force_code = source_months.force_code
        and months.month_start = source_months.month_start
    group by
        spans.measure,
        spans.force_code,
        months.month_start,
        months.days_in_month

)

select * from final
