{{ failing('fct_digital_contact', key=['force_code', 'contact_id'], filled=[
    'contact_type', 'received_at', 'received_date', 'is_public_demand', 'extract_date', 'source_row'
]) }}
