select
    force_code,
    contact_id,
    contact_type,
    received_at,
    received_date,
    from_partner_force,
    is_test,
    not from_partner_force and not is_test as is_public_demand,
    linked_reference,
    is_dst_ambiguous,
    extract_date,
    load_id,
    source_row
from {{ ref('digital_contacts') }}
where {{ is_current('digital_contacts') }}
