{#- A view of a few dozen rows: the comma list of the catalogue, one member a row. -#}
{{ config(materialized="view") }}

with

measures as (select * from {{ ref("measure_catalogue") }}),

listed as (

    select
        measure,
        {{ list_items("members") }} as source_and_member
    from measures
    where members <> ''

),

final as (

    select
        measure,
        split_part(source_and_member, ':', 1) as source,
        split_part(source_and_member, ':', 2) as member
    from listed

)

select * from final
