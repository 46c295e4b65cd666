{{ config(materialized="table") }}

with

answering as (
    {{- latest_rows(ref("stg_national_call_answering"), key=["force_code", "month_start"]) }}
),

final as (
    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(month_start as date) as month_start,
        cast(calls as bigint) as calls,
        cast(mean_answer_seconds as decimal(10, 3)) as mean_answer_seconds,
        cast(pct_under_10s as decimal(5, 2)) as pct_under_10s,
        cast(pct_10_to_60s as decimal(5, 2)) as pct_10_to_60s,
        cast(pct_over_60s as decimal(5, 2)) as pct_over_60s,
        cast(extract_date as date) as extract_date,
        cast(load_id as bigint) as load_id,
        cast(source_row as bigint) as source_row
    from answering
)

select * from final
