with

versions as (select * from {{ source("audit", "figure_version") }})

select
    cast(publication_no as bigint) as publication_no,
    cast(force_code as {{ dbt.type_string() }}) as force_code,
    cast(measure as {{ dbt.type_string() }}) as measure,
    cast(month_start as date) as month_start,
    cast(value as decimal(38, 6)) as value,
    cast(is_provisional as boolean) as is_provisional,
    cast(is_removed as boolean) as is_removed,
    cast(deliveries as {{ dbt.type_string() }}) as deliveries,
    cast(delivery_count as bigint) as delivery_count
from versions
