{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_online_crime_reports_rows') }}") }}

with

submissions as (
    {{- latest_rows(
        "online_crime_reports", key=["force_code", "submission_id"], time="submitted_at", epoch="submission_epoch"
    ) }}
)

select * from submissions
