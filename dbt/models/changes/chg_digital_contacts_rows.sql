{{ changed_rows(
    "digital_contacts",
    key=["force_code", "contact_id"],
    time="received_at",
    dates={"received_date": "received_at"},
) }}
