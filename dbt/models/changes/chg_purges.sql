{{ config(materialized="view") }}

with

purges as (select * from {{ ref("stg_purges") }}),

final as (
    select
        source,
        purged_before
    from purges
)

select * from final
