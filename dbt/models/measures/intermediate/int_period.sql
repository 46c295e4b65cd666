{#- Each period that a month is shown with: how many months before the month it begins and ends; `year` is the first month
    of the financial year. -#}
{%- set periods = {
    "month": ("month_start", 0, 0),
    "fytd": ("year", 0, 0),
    "prev_fytd": ("year", 12, 12),
    "same_month_last_year": ("month_start", 12, 12),
    "last_6_months": ("month_start", 5, 0),
    "previous_6_months": ("month_start", 11, 6),
    "last_12_months": ("month_start", 11, 0),
} -%}
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
        dates.financial_year_start as year
    from dates
    inner join delivered
        on dates.month_start between delivered.first_month and delivered.last_month

),

periods as (
    {%- for period, (start, first, last) in periods.items() %}

    select
        month_start,
        '{{ period }}' as period,
        {{ date_plus(start, -first, "month") }} as first_month,
        {{ date_plus("month_start", -last, "month") }} as last_month
    from months
    {{- "\n\n    union all" if not loop.last }}
    {%- endfor %}

),

final as (

    select
        month_start,
        period,
        first_month,
        last_month,
        {{ month_number("last_month") }} - {{ month_number("first_month") }} + 1 as months,
        {{ days_between("first_month", date_plus("last_month", 1, "month")) }} as days
    from periods

)

select * from final
