{{ config(materialized="table") }}

{{ touched_versions(
    "published_figures",
    key=["force_code", "report_id", "section", "measure", "month"],
) }}
