{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_digital_contacts_rows') }}") }}

with

contacts as (
    {{- latest_rows(ref("stg_digital_contacts"), key=["force_code", "contact_id", "contact_epoch"], changed="chg_digital_contacts_rows") }}
)

select
    cast(force_code as {{ dbt.type_string() }}) as force_code,
    cast(contact_id as {{ dbt.type_string() }}) as contact_id,
    cast(contact_epoch as bigint) as contact_epoch,
    cast(contact_type as {{ dbt.type_string() }}) as contact_type,
    cast(received_at as timestamp) as received_at,
    cast(received_date as date) as received_date,
    cast(from_partner_force as boolean) as from_partner_force,
    cast(is_test as boolean) as is_test,
    cast(not from_partner_force and not is_test as boolean) as is_public_demand,
    cast(linked_reference as bigint) as linked_reference,
    cast(is_dst_ambiguous as boolean) as is_dst_ambiguous,
    cast(extract_date as date) as extract_date,
    cast(load_id as bigint) as load_id,
    cast(source_row as bigint) as source_row
from contacts
