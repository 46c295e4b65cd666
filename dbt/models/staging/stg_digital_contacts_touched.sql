{{ config(materialized="table") }}

{{ touched_versions(
    "digital_contacts",
    key=["force_code", "contact_id"],
    dates={"received_date": "received_at"},
) }}
