{{ changed_rows(
    "crimes",
    key=["force_code", "crime_ref"],
    row_key=["force_code", "crime_ref", "updated_at"],
    dates={"recorded_date": "recorded_at", "cancelled_date": "cancelled_at", "updated_date": "updated_at"},
) }}
