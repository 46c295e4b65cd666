{{ changed_rows(
    "front_counter_visits",
    key=["force_code", "visit_id"],
    dates={"arrived_date": "arrived_at"},
) }}
