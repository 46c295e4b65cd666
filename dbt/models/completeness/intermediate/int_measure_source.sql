{#- A view of a few dozen rows: the comma list of the catalogue, one source a row. -#}
{{ config(materialized="view") }}

with

measures as (select * from {{ ref("measure_catalogue") }})

select
    measure,
    {{ list_items("sources") }} as source
from measures
where sources <> ''
