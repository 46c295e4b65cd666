{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_online_crime_reports_rows') }}") }}

with

submissions as (
    {{- latest_rows(
        ref("stg_online_crime_reports"),
        key=["force_code", "submission_id", "submission_epoch"],
        changed="chg_online_crime_reports_rows",
    ) }}
)

select * from submissions
