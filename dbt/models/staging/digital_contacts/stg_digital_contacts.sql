{{ current_rows("digital_contacts", dates={"received_date": "received_at"}) }}
