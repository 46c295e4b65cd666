with

silent_days as (

    select *
    from {{ ref("int_measure_gap_day") }}
    where column_name is not null

),

periods as (select * from {{ ref("int_period") }}),

silent_columns as (

    select distinct
        silent_days.force_code,
        silent_days.measure,
        periods.month_start,
        periods.period,
        silent_days.source || '.' || silent_days.column_name as column_without_values
    from periods
    inner join silent_days
        on periods.first_month <= silent_days.day
        and {{ date_plus("periods.last_month", 1, "month") }} > silent_days.day

),

final as (

    select
        force_code,
        measure,
        month_start,
        period,
        {{ joined_text("column_without_values") }} as columns_without_values
    from silent_columns
    group by all

)

select * from final
