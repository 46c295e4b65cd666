{{ measures_by_month(
    {
        "recorded_crime": "crime.recorded_crime",
        "cancelled_crime": "crime.cancelled_crime",
        "pct_cancelled": "crime.pct_cancelled",
        "pct_cancelled_of_recorded": "crime.pct_cancelled_of_recorded",
        "pct_cancelled_of_initially_recorded": "crime.pct_cancelled_of_initially_recorded",
        "pct_cohort_cancelled": "crime.pct_cohort_cancelled",
        "days_to_cancel": "crime.days_to_cancel",
    },
    counts=["recorded_crime", "cancelled_crime"],
) }}
