{#- Fails for a month whose text or number differs from the known one. -#}
-- Rows of a union are read as rows of a table; they take their names from the first.
-- noqa: disable=aliasing.expression,layout.select_targets
with

known as (
    select
        cast('2022-12-01' as date) as first_month, cast('2023-01-01' as date) as last_month,
        '2022-12' as month_text, 24276 as month_number, '2022-12 to 2023-01' as months_text
    union all
    select cast('2023-01-01' as date), cast('2023-01-01' as date), '2023-01', 24277, '2023-01'
)

select first_month
from known
where
    {{ month_text("first_month") }} <> month_text
    or {{ month_number("first_month") }} <> month_number
    or {{ months_text("first_month", "last_month") }} <> months_text
