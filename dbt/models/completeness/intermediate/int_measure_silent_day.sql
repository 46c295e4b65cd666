{{ config(materialized="view") }}

select
    measure,
    source,
    column_name,
    force_code,
    day
from ({{ lacking_days() }}) as lacking
where column_name is not null
