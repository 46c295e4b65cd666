{{ changed_rows(
    "call_segments",
    key=["force_code", "call_id"],
    row_key=["force_code", "call_id", "segment_no"],
    dates={"arrived_date": "arrived_at"},
) }}
