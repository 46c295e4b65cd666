{{ current_rows("digital_contacts", epoch="contact_epoch", dates={"received_date": "received_at"}) }}
