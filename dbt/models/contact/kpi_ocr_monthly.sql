{{ measures_by_month(
    {
        "report_a_crime_submissions": "ocr.report_a_crime_submissions",
        "missing_person": "ocr.missing_person",
        "sexual_offence": "ocr.sexual_offence",
        "rural_crime": "ocr.rural_crime",
    },
    counts=["report_a_crime_submissions", "missing_person", "sexual_offence", "rural_crime"],
    model="int_contact_monthly",
) }}
