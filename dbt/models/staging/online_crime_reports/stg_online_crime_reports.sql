{{ current_rows("online_crime_reports", epoch="submission_epoch", dates={"submitted_date": "submitted_at"}) }}
