{{ failing('fct_call', key=['force_code', 'call_id'], filled=[
    'line', 'arrived_at', 'arrived_date', 'is_answered', 'queue_seconds', 'talk_seconds', 'segments', 'source_row'
]) }}
