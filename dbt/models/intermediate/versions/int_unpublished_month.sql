{#- A table: the figures are compared once in a build and once in publishing, and this is the part that reads rows. -#}
{{ config(materialized="table") }}

with

months as (
    select * from {{ ref("stg_unpublished_months") }}
),

final as (
    select
        source,
        extract_date,
        force_code,
        month_start
    from months
)

select * from final
