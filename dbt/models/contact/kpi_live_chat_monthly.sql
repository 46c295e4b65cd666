{{ measures_by_month(
    {
        "live_chats": "live_chat.live_chats",
        "accepted": "live_chat.accepted",
        "pct_not_accepted": "live_chat.pct_not_accepted",
        "avg_wait_seconds": "live_chat.avg_wait_time",
        "avg_duration_seconds": "live_chat.avg_duration",
        "chats_per_operator_hour": "live_chat.chats_per_operator_hour",
        "avg_concurrent_chats": "live_chat.avg_concurrent_chats",
        "max_concurrent_chats": "live_chat.max_concurrent_chats",
    },
    counts=["live_chats", "accepted", "max_concurrent_chats"],
) }}
