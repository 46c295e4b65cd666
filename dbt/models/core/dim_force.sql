with

forces as (select * from {{ ref("police_forces") }})

select
    cast(force_code as {{ dbt.type_string() }}) as force_code,
    cast(force_name as {{ dbt.type_string() }}) as force_name
from forces
