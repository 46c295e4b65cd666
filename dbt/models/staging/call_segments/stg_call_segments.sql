{{ current_rows("call_segments", dates={"arrived_date": "arrived_at", "called_back_date": "called_back_at"}) }}
