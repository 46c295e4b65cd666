{{ repeated('call_segments', ['call_id', 'segment_no'], [
    'line', 'arrived_at', 'utc_offset_minutes', 'queue_seconds', 'disposition', 'talk_seconds', 'called_back_at',
    'operator_id', 'caller_number'
]) }}
