{#- A view of a few dozen rows: the comma list of the catalogue, one source a row. -#}
{{ config(materialized="view_in_place") }}

with

measures as (select * from {{ ref("measure_catalogue") }}),

final as (

    {%- for position in range(1, 4) %}

    select
        measure,
        split_part(sources, ',', {{ position }}) as source
    from measures
    where split_part(sources, ',', {{ position }}) <> ''
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

)

select * from final
