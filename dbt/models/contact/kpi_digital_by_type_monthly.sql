select
    force_code,
    month_start,
    name as contact_type,
    cast(value as bigint) as contacts,
    is_provisional,
    share_of_days_loaded
from {{ ref("int_contact_monthly") }}
where breakdown = 'contact_type'
