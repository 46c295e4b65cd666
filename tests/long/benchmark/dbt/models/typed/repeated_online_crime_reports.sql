{{ repeated('online_crime_reports', ['submission_id'], [
    'service', 'started_at', 'submitted_at', 'duplicate_of', 'crime_ref'
]) }}
