{{ repeated('live_chats', ['chat_id'], [
    'requested_at', 'accepted_at', 'ended_at', 'operator_id', 'topic', 'created_incident'
]) }}
