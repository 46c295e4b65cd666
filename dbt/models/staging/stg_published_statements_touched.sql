with

statements as (
    select * from {{ source("raw", "published_statements") }}
),

pending_loads as (
    select load_id
    from {{ source("audit", "pending_load") }}
    where source = 'published_statements'
),

final as (
    select distinct
        cast(statements.force_code as {{ dbt.type_string() }}) as force_code,
        cast(statements.report_id as {{ dbt.type_string() }}) as report_id,
        cast(statements.statement_id as {{ dbt.type_string() }}) as statement_id,
        cast(statements.test_no as bigint) as test_no
    from statements
    inner join pending_loads
        on statements.load_id = pending_loads.load_id
)

select * from final
