{{ current_rows("live_chats", epoch="chat_epoch", dates={"requested_date": "requested_at"}) }}
