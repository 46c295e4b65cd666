{{ repeated('crimes', ['crime_ref', 'updated_at'], [
    'recorded_at', 'offence_code', 'status', 'cancelled_at', 'cancel_code', 'report_channel', 'district'
]) }}
