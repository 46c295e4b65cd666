{%- set key = ["force_code", "report_id", "section", "measure", "month"] -%}
{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_published_figures_rows') }}") }}

with

final as (
    {{- latest_rows(ref("stg_published_figures"), "chg_published_figures_rows", key) }}
)

select * from final
