{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_digital_contacts_rows') }}") }}

with

contacts as (
    {{- latest_rows(
        "digital_contacts", key=["force_code", "contact_id"], time="received_at", epoch="contact_epoch"
    ) }}
)

select
    *,
    not from_partner_force and not is_test as is_public_demand
from contacts
