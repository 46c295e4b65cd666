{{ current_rows(
    "call_segments", epoch="call_epoch", dates={"arrived_date": "arrived_at", "called_back_date": "called_back_at"}
) }}
