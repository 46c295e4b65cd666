with

source_days as (select * from {{ ref("int_source_day") }}),

dates as (select * from {{ ref("dim_date") }}),

final as (

    select
        source_days.source,
        source_days.force_code,
        dates.month_start,
        cast(dates.days_in_month as bigint) as days_in_month,
        cast(sum(case when source_days.is_loaded then 1 else 0 end) as bigint) as days_loaded
    from source_days
    inner join dates
        on source_days.day = dates.date_day
    group by
        source_days.source,
        source_days.force_code,
        dates.month_start,
        dates.days_in_month

)

select * from final
