with

builds_started as (select * from {{ source("audit", "build_started") }}),

final as (
    select cast(project_fingerprint as {{ dbt.type_string() }}) as project_fingerprint
    from builds_started
)

select * from final
