{{ repeated('digital_contacts', ['contact_id'], [
    'contact_type', 'received_at', 'from_partner_force', 'is_test', 'linked_reference'
]) }}
