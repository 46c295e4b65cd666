with

contacts as (select * from {{ source("raw", "digital_contacts") }}),

current_loads as (
    select
        load_id,
        coalesce(key_epoch, 0) as key_epoch
    from {{ source("audit", "load") }}
    where source = 'digital_contacts' and status = 'loaded'
),

final as (
    select
        cast(contacts.force_code as {{ dbt.type_string() }}) as force_code,
        cast(contacts.contact_id as {{ dbt.type_string() }}) as contact_id,
        cast(current_loads.key_epoch as bigint) as contact_epoch,
        cast(contacts.contact_type as {{ dbt.type_string() }}) as contact_type,
        cast(contacts.received_at as timestamp) as received_at,
        {{ local_date("contacts.received_at") }} as received_date,
        cast(contacts.from_partner_force as boolean) as from_partner_force,
        cast(contacts.is_test as boolean) as is_test,
        cast(contacts.linked_reference as bigint) as linked_reference,
        cast(contacts.is_dst_ambiguous as boolean) as is_dst_ambiguous,
        cast(contacts.extract_date as date) as extract_date,
        cast(contacts.load_id as bigint) as load_id,
        cast(contacts.source_row as bigint) as source_row
    from contacts
    inner join current_loads
        on contacts.load_id = current_loads.load_id
)

select * from final
