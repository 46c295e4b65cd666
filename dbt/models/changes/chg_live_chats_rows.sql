{{ changed_rows(
    "live_chats",
    key=["force_code", "chat_id"],
    time="requested_at",
    dates={"requested_date": "requested_at"},
) }}
