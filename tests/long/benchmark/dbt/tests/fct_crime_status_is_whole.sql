{{ failing('fct_crime_status', key=['force_code', 'crime_ref', 'updated_at'], filled=[
    'updated_date', 'recorded_at', 'recorded_date', 'offence_code', 'status', 'is_current', 'source_row'
]) }}
