{{ config(materialized="view") }}

select distinct
    measure,
    source,
    force_code,
    day
from ({{ lacking_days() }}) as lacking
