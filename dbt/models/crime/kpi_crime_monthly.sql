with

figures as (select * from {{ ref("int_crime_monthly") }}),

formulas as (select * from {{ ref("cancelled_crime_formulas") }}),

months as (
    {{ measures_by_month(
        {
            "recorded_crime": "crime.recorded_crime",
            "cancelled_crime": "crime.cancelled_crime",
            "pct_cancelled_of_recorded": "crime.pct_cancelled_of_recorded",
            "pct_cancelled_of_initially_recorded": "crime.pct_cancelled_of_initially_recorded",
            "pct_cohort_cancelled": "crime.pct_cohort_cancelled",
            "days_to_cancel": "crime.days_to_cancel",
        },
        counts=["recorded_crime", "cancelled_crime"],
        model="int_crime_monthly",
    ) }}
),

-- A month uses the formula of its first day.
formulas_in_force as (
    {{- in_force(
        "months",
        columns=["force_code", "month_start"],
        day="month_start",
        list="formulas",
        key=[],
        values=["formula"],
    ) }}
)

select
    months.*,
    cast(figures.value as decimal(38, 6)) as pct_cancelled
from months
left join formulas_in_force
    on {{ same_columns("months", "formulas_in_force", ["force_code", "month_start"]) }}
left join figures
    on {{ same_columns("months", "figures", ["force_code", "month_start"]) }}
    and 'crime.' || formulas_in_force.formula = figures.measure
