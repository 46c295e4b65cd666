{{ changed_rows(
    "live_chats",
    key=["force_code", "chat_id"],
    dates={"requested_date": "requested_at"},
) }}
