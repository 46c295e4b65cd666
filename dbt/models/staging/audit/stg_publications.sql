with

publications as (select * from {{ source("audit", "publication") }})

select
    cast(publication_no as bigint) as publication_no,
    cast(run_id as {{ dbt.type_string() }}) as run_id,
    cast(published_at as timestamp) as published_at,
    cast(project_fingerprint as {{ dbt.type_string() }}) as project_fingerprint,
    cast(change_seq as bigint) as change_seq
from publications
