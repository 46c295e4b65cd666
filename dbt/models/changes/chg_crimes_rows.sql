{{ changed_rows(
    "crimes",
    key=["force_code", "crime_ref"],
    part="updated_at",
    dates={"recorded_date": "recorded_at", "cancelled_date": "cancelled_at", "updated_date": "updated_at"},
) }}
