{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_online_crime_reports_rows') }}") }}

with

submissions as (
    {{- latest_rows(
        ref("stg_online_crime_reports"),
        key=["force_code", "submission_id", "submission_epoch"],
        changed="chg_online_crime_reports_rows",
    ) }}
)

select
    cast(force_code as {{ dbt.type_string() }}) as force_code,
    cast(submission_id as {{ dbt.type_string() }}) as submission_id,
    cast(submission_epoch as bigint) as submission_epoch,
    cast(service as {{ dbt.type_string() }}) as service,
    cast(started_at as timestamp) as started_at,
    cast(submitted_at as timestamp) as submitted_at,
    cast(submitted_date as date) as submitted_date,
    cast(duplicate_of as {{ dbt.type_string() }}) as duplicate_of,
    cast(crime_ref as bigint) as crime_ref,
    cast(is_dst_ambiguous as boolean) as is_dst_ambiguous,
    cast(extract_date as date) as extract_date,
    cast(load_id as bigint) as load_id,
    cast(source_row as bigint) as source_row
from submissions
