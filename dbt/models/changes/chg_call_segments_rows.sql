{{ changed_rows(
    "call_segments",
    key=["force_code", "call_id"],
    part="segment_no",
    time="arrived_at",
    dates={"arrived_date": "arrived_at"},
) }}
