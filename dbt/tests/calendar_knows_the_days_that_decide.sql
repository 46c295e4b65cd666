{#- Fails for a day on which the calendar differs from known facts. Days outside the range of the data are not
    tested. A unit test would have to list every day of six years. -#}
{%- set facts = [
    "date_day", "financial_year", "day_of_week", "clock_change", "is_bank_holiday", "days_in_month", "month_label",
] -%}
with

days as (select * from {{ ref("dim_date") }}),

known_days as (

    select listed.*
    from (
        values
        (cast('2022-03-27' as date), '2021/22', 7, 'forward', false, 31, 'Mar 2022'),
        (cast('2022-03-31' as date), '2021/22', 4, 'none', false, 31, 'Mar 2022'),
        (cast('2022-04-01' as date), '2022/23', 5, 'none', false, 30, 'Apr 2022'),
        (cast('2022-09-19' as date), '2022/23', 1, 'none', true, 30, 'Sep 2022'),
        (cast('2022-10-30' as date), '2022/23', 7, 'back', false, 31, 'Oct 2022'),
        (cast('2024-02-29' as date), '2023/24', 4, 'none', false, 29, 'Feb 2024'),
        (cast('2024-03-31' as date), '2023/24', 7, 'forward', false, 31, 'Mar 2024')
    ) as listed ({{ facts | join(", ") }})

)

select known_days.*
from known_days
inner join days
    on known_days.date_day = days.date_day
except
select {{ facts | join(", ") }}
from days
