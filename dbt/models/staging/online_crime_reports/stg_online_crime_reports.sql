{{ current_rows("online_crime_reports", dates={"submitted_date": "submitted_at"}) }}
