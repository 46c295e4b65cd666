{#- Fails for a day on which the calendar differs from known facts. Days outside the range of the data are not
    tested. A unit test would have to list every day of six years. -#}
-- Rows of a union are read as rows of a table; they take their names from the first.
-- noqa: disable=aliasing.expression,layout.select_targets
with

known_days as (
    select
        cast('2022-03-27' as date) as date_day, '2021/22' as financial_year, 7 as day_of_week,
        'forward' as clock_change, false as is_bank_holiday, 31 as days_in_month, 'Mar 2022' as month_label
    union all
    select cast('2022-03-31' as date), '2021/22', 4, 'none', false, 31, 'Mar 2022'
    union all
    select cast('2022-04-01' as date), '2022/23', 5, 'none', false, 30, 'Apr 2022'
    union all
    select cast('2022-09-19' as date), '2022/23', 1, 'none', true, 30, 'Sep 2022'
    union all
    select cast('2022-10-30' as date), '2022/23', 7, 'back', false, 31, 'Oct 2022'
    union all
    select cast('2024-02-29' as date), '2023/24', 4, 'none', false, 29, 'Feb 2024'
    union all
    select cast('2024-03-31' as date), '2023/24', 7, 'forward', false, 31, 'Mar 2024'
),

days as (select * from {{ ref("dim_date") }})

select days.date_day
from days
inner join known_days
    on days.date_day = known_days.date_day
where
    days.financial_year <> known_days.financial_year
    or days.day_of_week <> known_days.day_of_week
    or days.clock_change <> known_days.clock_change
    or days.is_bank_holiday <> known_days.is_bank_holiday
    or days.days_in_month <> known_days.days_in_month
    or days.month_label <> known_days.month_label
