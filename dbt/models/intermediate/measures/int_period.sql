with

source_months as (

    select * from {{ ref("int_source_month") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

delivered as (

    select
        min(month_start) as first_month,
        max(month_start) as last_month
    from source_months
    where days_loaded > 0

),

months as (

    select distinct
        dates.month_start,
        dates.days_in_month,
        dates.financial_year_start
    from dates
    inner join delivered
        on dates.month_start between delivered.first_month and delivered.last_month

),

periods as (

    select
        month_start,
        'month' as period,
        month_start as first_month,
        month_start as last_month
    from months

    union all

    select
        month_start,
        'fytd' as period,
        financial_year_start as first_month,
        month_start as last_month
    from months

    union all

    select
        month_start,
        'prev_fytd' as period,
        {{ date_plus("financial_year_start", -12, "month") }} as first_month,
        {{ date_plus("month_start", -12, "month") }} as last_month
    from months

    union all

    select
        month_start,
        'same_month_last_year' as period,
        {{ date_plus("month_start", -12, "month") }} as first_month,
        {{ date_plus("month_start", -12, "month") }} as last_month
    from months

    union all

    select
        month_start,
        'last_6_months' as period,
        {{ date_plus("month_start", -5, "month") }} as first_month,
        month_start as last_month
    from months

    union all

    select
        month_start,
        'previous_6_months' as period,
        {{ date_plus("month_start", -11, "month") }} as first_month,
        {{ date_plus("month_start", -6, "month") }} as last_month
    from months

    union all

    select
        month_start,
        'last_12_months' as period,
        {{ date_plus("month_start", -11, "month") }} as first_month,
        month_start as last_month
    from months

),

final as (

    select
        month_start,
        period,
        first_month,
        last_month,
        cast(
            12 * (extract(year from last_month) - extract(year from first_month))
            + extract(month from last_month) - extract(month from first_month) + 1
            as bigint
        ) as months,
        {{ days_between("first_month", date_plus("last_month", 1, "month")) }} as days
    from periods

)

select * from final
