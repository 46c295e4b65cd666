{{ failing('fct_live_chat', key=['force_code', 'chat_id'], filled=[
    'requested_at', 'requested_date', 'ended_at', 'is_accepted', 'extract_date', 'source_row'
]) }}
