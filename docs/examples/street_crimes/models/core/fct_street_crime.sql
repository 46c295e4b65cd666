{{ config(materialized="table") }}

with

crimes as (
    select * from {{ ref("stg_street_crimes") }}
),

final as (
    select
        force_code,
        crime_id,
        month_start,
        longitude,
        latitude,
        crime_type,
        load_id,
        source_row
    from crimes
)

select * from final
