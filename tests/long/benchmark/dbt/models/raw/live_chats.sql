{{ accepted('live_chats') }}
