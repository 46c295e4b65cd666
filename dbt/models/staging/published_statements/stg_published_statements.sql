with

statements as (select * from {{ source("raw", "published_statements") }}),

current_loads as (
    select load_id
    from {{ ref("stg_loads") }}
    where source = 'published_statements' and status = 'loaded'
)

select
    cast(statements.force_code as {{ dbt.type_string() }}) as force_code,
    cast(statements.report_id as {{ dbt.type_string() }}) as report_id,
    cast(statements.published_on as date) as published_on,
    cast(statements.statement_id as {{ dbt.type_string() }}) as statement_id,
    cast(statements.test_no as bigint) as test_no,
    cast(statements.kind as {{ dbt.type_string() }}) as kind,
    cast(statements.section as {{ dbt.type_string() }}) as section,
    cast(statements.statement as {{ dbt.type_string() }}) as statement,
    cast(statements.measure as {{ dbt.type_string() }}) as measure,
    cast(statements.comparison as {{ dbt.type_string() }}) as comparison,
    cast(statements.first_month as date) as first_month,
    cast(statements.last_month as date) as last_month,
    cast(statements.base_first_month as date) as base_first_month,
    cast(statements.base_last_month as date) as base_last_month,
    cast(statements.other_measures as {{ dbt.type_string() }}) as other_measures,
    cast(statements.stated_month as date) as stated_month,
    cast(statements.threshold as {{ dbt.type_string() }}) as threshold,
    cast(statements.unit as {{ dbt.type_string() }}) as unit,
    cast(statements.published_value as {{ dbt.type_string() }}) as published_value,
    cast(statements.is_dst_ambiguous as boolean) as is_dst_ambiguous,
    cast(statements.extract_date as date) as extract_date,
    cast(statements.load_id as bigint) as load_id,
    cast(statements.source_row as bigint) as source_row
from statements
inner join current_loads
    on statements.load_id = current_loads.load_id
