{{ failing('fct_call_segment', key=['force_code', 'call_id', 'segment_no'], filled=[
    'line', 'arrived_at', 'arrived_date', 'queue_seconds', 'disposition', 'talk_seconds', 'extract_date', 'source_row'
]) }}
