{{ failing('fct_online_crime_report', key=['force_code', 'submission_id'], filled=[
    'service', 'submitted_at', 'submitted_date', 'extract_date', 'source_row'
]) }}
