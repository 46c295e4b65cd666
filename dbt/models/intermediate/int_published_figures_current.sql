{%- set key = ["force_code", "report_id", "section", "measure", "month"] -%}
{{ config(pre_hook="{{ forget_touched('stg_published_figures_touched') }}") }}

with

final as (
    {{- latest_rows(ref("stg_published_figures"), "stg_published_figures_touched", key) }}
)

select * from final
