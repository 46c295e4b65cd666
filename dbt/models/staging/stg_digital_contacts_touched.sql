with

contacts as (
    select * from {{ source("raw", "digital_contacts") }}
),

pending_loads as (
    select load_id
    from {{ source("audit", "pending_load") }}
    where source = 'digital_contacts'
),

final as (
    select distinct
        cast(contacts.force_code as {{ dbt.type_string() }}) as force_code,
        cast(contacts.contact_id as {{ dbt.type_string() }}) as contact_id
    from contacts
    inner join pending_loads
        on contacts.load_id = pending_loads.load_id
)

select * from final
