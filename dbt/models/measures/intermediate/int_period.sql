with

source_days as (select * from {{ ref("int_source_day") }}),

dates as (select * from {{ ref("dim_date") }}),

delivered as (

    select
        {{ month_start("min(day)") }} as first_month,
        {{ month_start("max(day)") }} as last_month
    from source_days
    where is_loaded

),

months as (

    select distinct
        dates.month_start,
        dates.financial_year_start
    from dates
    inner join delivered
        on dates.month_start between delivered.first_month and delivered.last_month

),

-- How many months before the month a period begins and ends; a year to date begins so many before April.
periods as (

    select
        months.month_start,
        kinds.period,
        {{ date_plus(
            "case when kinds.is_of_year then months.financial_year_start else months.month_start end",
            "-kinds.begins_before", "month"
        ) }} as first_month,
        {{ date_plus("months.month_start", "-kinds.ends_before", "month") }} as last_month
    from months
    cross join (
        values
        ('month', false, 0, 0),
        ('fytd', true, 0, 0),
        ('prev_fytd', true, 12, 12),
        ('same_month_last_year', false, 12, 12),
        ('last_6_months', false, 5, 0),
        ('previous_6_months', false, 11, 6),
        ('last_12_months', false, 11, 0)
    ) as kinds (period, is_of_year, begins_before, ends_before)

)

select
    *,
    {{ month_number("last_month") }} - {{ month_number("first_month") }} + 1 as months,
    {{ days_between("first_month", date_plus("last_month", 1, "month")) }} as days
from periods
