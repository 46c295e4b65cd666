with

deliveries as (select * from {{ ref("int_measure_delivery") }}),

unloaded_days as (select * from {{ ref("int_measure_unloaded_day") }}),

periods as (select * from {{ ref("int_period") }}),

dates as (select * from {{ ref("dim_date") }}),

-- A day shifted by a year keeps its day of the month; 29 February becomes 28 February.
years_later as (

    select
        date_day,
        {{ date_plus("date_day", 12, "month") }} as year_later
    from dates

),

final as (

    select
        deliveries.measure,
        deliveries.force_code,
        deliveries.month_start,
        years_later.date_day as day
    from deliveries
    inner join periods
        on deliveries.month_start = periods.month_start
        and periods.period = 'prev_fytd'
    inner join years_later
        on periods.first_month <= years_later.date_day
        and {{ date_plus("periods.last_month", 1, "month") }} > years_later.date_day
    inner join unloaded_days
        on deliveries.measure = unloaded_days.measure
        and deliveries.force_code = unloaded_days.force_code
        and years_later.year_later = unloaded_days.day
    where deliveries.days_loaded > 0

)

select * from final
