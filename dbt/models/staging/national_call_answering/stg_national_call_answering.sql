with

answering as (select * from {{ source("raw", "national_call_answering") }}),

current_loads as (
    select load_id
    from {{ source("audit", "load") }}
    where source = 'national_call_answering' and status = 'loaded'
)

select
    cast(answering.force_code as {{ dbt.type_string() }}) as force_code,
    cast(answering.month as date) as month_start,
    cast(answering.calls as bigint) as calls,
    cast(answering.mean_answer_seconds as decimal(10, 3)) as mean_answer_seconds,
    cast(answering.pct_under_10s as decimal(5, 2)) as pct_under_10s,
    cast(answering.pct_10_to_60s as decimal(5, 2)) as pct_10_to_60s,
    cast(answering.pct_over_60s as decimal(5, 2)) as pct_over_60s,
    cast(answering.extract_date as date) as extract_date,
    cast(answering.load_id as bigint) as load_id,
    cast(answering.source_row as bigint) as source_row
from answering
inner join current_loads
    on answering.load_id = current_loads.load_id
