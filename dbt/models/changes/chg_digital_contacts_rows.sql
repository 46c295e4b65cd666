{{ changed_rows(
    "digital_contacts",
    key=["force_code", "contact_id"],
    dates={"received_date": "received_at"},
) }}
