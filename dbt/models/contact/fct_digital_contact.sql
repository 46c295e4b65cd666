{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_digital_contacts_rows') }}") }}

with

contacts as (
    {{- latest_rows(ref("stg_digital_contacts"), key=["force_code", "contact_id", "contact_epoch"], changed="chg_digital_contacts_rows") }}
)

select
    *,
    not from_partner_force and not is_test as is_public_demand
from contacts
