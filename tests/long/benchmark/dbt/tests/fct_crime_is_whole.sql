{{ failing('fct_crime', key=['force_code', 'crime_ref'], filled=[
    'recorded_at', 'recorded_date', 'offence_code', 'status', 'is_cancelled', 'updated_at', 'source_row'
]) }}
