with

results as (select * from {{ source("audit", "expectation_result") }})

select
    cast(run_id as {{ dbt.type_string() }}) as run_id,
    cast(source as {{ dbt.type_string() }}) as source,
    cast(expectation as {{ dbt.type_string() }}) as expectation,
    cast(severity as {{ dbt.type_string() }}) as severity,
    cast(column_name as {{ dbt.type_string() }}) as column_name,
    cast(dimension as {{ dbt.type_string() }}) as dimension,
    cast(success as boolean) as success,
    cast(evaluated as bigint) as evaluated,
    cast(unexpected as bigint) as unexpected,
    cast(failed_extract_dates as {{ dbt.type_string() }}) as failed_extract_dates,
    cast(reason as {{ dbt.type_string() }}) as reason,
    cast(validated_at as timestamp) as validated_at
from results
