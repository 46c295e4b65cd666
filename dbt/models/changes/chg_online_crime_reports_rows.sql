{{ changed_rows(
    "online_crime_reports",
    key=["force_code", "submission_id"],
    time="submitted_at",
    dates={"submitted_date": "submitted_at"},
) }}
