{%- set weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] -%}

with

deliveries as (select * from {{ source("audit", "load") }}),

-- Whole years, three back and two ahead, so that past windows and forecasts have their days.
year_bounds as (
    select
        greatest(
            {{ date_plus("cast(date_trunc('year', min(extract_date)) as date)", -3, "year") }}, date '0001-01-01'
        ) as first_day,
        least(
            {{ date_plus(date_plus("cast(date_trunc('year', max(extract_date)) as date)", 3, "year"), -1, "day") }},
            date '9999-12-31'
        ) as last_day
    from deliveries
),

days as (
    {{ date_series("first_day", "last_day", "year_bounds") }}
),

bank_holidays as (select * from {{ ref("bank_holidays") }}),

parts as (
    select
        date_day,
        cast(extract(year from date_day) as bigint) as year,
        cast(extract(month from date_day) as bigint) as month,
        cast(date_trunc('year', date_day) as date) as year_start,
        {{ month_start("date_day") }} as month_start,
        cast({{ day_of_week("date_day") }} as bigint) as day_of_week,
        extract(hour from {{ local_timestamp("cast(date_day as timestamp) + interval 12 hour") }}) as noon_hour,
        extract(
            hour from {{ local_timestamp("cast(" ~ date_plus("date_day", -1, "day") ~ " as timestamp) + interval 12 hour") }}
        ) as noon_hour_before
    from days
),

financial_years as (
    select
        *,
        case when month >= 4 then year else year - 1 end as first_year,
        case
            when month >= 4 then {{ date_plus("year_start", 3, "month") }}
            else {{ date_plus("year_start", -9, "month") }}
        end as financial_year_start
    from parts
)

select
    cast(financial_years.date_day as date) as date_day,
    cast(financial_years.year as bigint) as year,
    cast(financial_years.month_start as date) as month_start,
    cast(
        substring('JanFebMarAprMayJunJulAugSepOctNovDec', cast(3 * financial_years.month - 2 as int), 3)
        || ' '
        || cast(financial_years.year as {{ dbt.type_string() }}) as {{ dbt.type_string() }}
    ) as month_label,
    cast(
        cast(financial_years.first_year as {{ dbt.type_string() }})
        || '/'
        || lpad(cast(mod(financial_years.first_year + 1, 100) as {{ dbt.type_string() }}), 2, '0') as {{ dbt.type_string() }}
    ) as financial_year,
    cast(financial_years.financial_year_start as date) as financial_year_start,
    cast(financial_years.day_of_week as bigint) as day_of_week,
    cast(
        case financial_years.day_of_week
            {%- for weekday in weekdays %}
            when {{ loop.index }} then '{{ weekday }}'
            {%- endfor %}
        end as {{ dbt.type_string() }}
    ) as day_name,
    cast(financial_years.day_of_week >= 6 as boolean) as is_weekend,
    cast(bank_holidays.holiday_date is not null as boolean) as is_bank_holiday,
    cast(bank_holidays.holiday_name as {{ dbt.type_string() }}) as bank_holiday_name,
    {{ days_between("financial_years.month_start", date_plus("financial_years.month_start", 1, "month")) }}
        as days_in_month,
    cast(
        case
            when financial_years.noon_hour > financial_years.noon_hour_before then 'forward'
            when financial_years.noon_hour < financial_years.noon_hour_before then 'back'
            else 'none'
        end as {{ dbt.type_string() }}
    ) as clock_change
from financial_years
left join bank_holidays
    on financial_years.date_day = bank_holidays.holiday_date
