{{ current_rows("live_chats", dates={"requested_date": "requested_at"}) }}
