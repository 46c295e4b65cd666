with

deliveries as (select * from {{ ref("int_measure_delivery") }}),

unloaded_days as (select * from {{ ref("int_measure_unloaded_day") }}),

periods as (

    select *
    from {{ ref("int_period") }}
    where period in ('fytd', 'prev_fytd')

),

first_months as (

    select
        force_code,
        measure,
        min(month_start) as first_month
    from deliveries
    where days_loaded > 0
    group by all

),

unloaded_spans as (

    select
        unloaded_days.force_code,
        unloaded_days.measure,
        periods.month_start,
        periods.period,
        periods.first_month,
        periods.last_month,
        {{ date_plus("max(unloaded_days.day)", 1, "day") }} as complete_since,
        count(*) as days_unloaded
    from periods
    inner join unloaded_days
        on periods.first_month <= unloaded_days.day
        and {{ date_plus("periods.last_month", 1, "month") }} > unloaded_days.day
    group by all

),

final as (

    select
        unloaded_spans.force_code,
        unloaded_spans.measure,
        unloaded_spans.month_start,
        unloaded_spans.period,
        unloaded_spans.complete_since
    from unloaded_spans
    inner join first_months
        on unloaded_spans.force_code = first_months.force_code
        and unloaded_spans.measure = first_months.measure
    where
        -- Missing days from the start of the year, with no missing day after them.
        unloaded_spans.days_unloaded = {{ days_between("unloaded_spans.first_month", "unloaded_spans.complete_since") }}
        and first_months.first_month >= unloaded_spans.first_month
        and unloaded_spans.complete_since < {{ date_plus("unloaded_spans.last_month", 1, "month") }}

)

select * from final
