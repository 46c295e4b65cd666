with

deliveries as (select * from {{ ref("int_measure_delivery") }}),

measure_sources as (select * from {{ ref("int_measure_source") }}),

source_days as (select * from {{ ref("int_source_day") }}),

dates as (select * from {{ ref("dim_date") }}),

-- From April of the year before the first year to date, because that year is compared with it.
spans as (

    select
        deliveries.measure,
        deliveries.force_code,
        {{ date_plus("min(dates.financial_year_start)", -12, "month") }} as first_day,
        {{ date_plus("max(deliveries.month_start)", 1, "month") }} as end_day
    from deliveries
    inner join dates
        on deliveries.month_start = dates.date_day
    group by all

),

final as (

    select
        spans.measure,
        spans.force_code,
        dates.date_day as day
    from spans
    inner join dates
        on spans.first_day <= dates.date_day and spans.end_day > dates.date_day
    inner join measure_sources
        on spans.measure = measure_sources.measure
    left join source_days
        on measure_sources.source = source_days.source
        and spans.force_code = source_days.force_code
        and dates.date_day = source_days.day
    group by all
    having min(case when source_days.is_loaded then 1 else 0 end) = 0

)

select * from final
