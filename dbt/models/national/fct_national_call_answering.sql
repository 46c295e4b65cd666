with

answering as (
    {{- latest_rows(ref("stg_national_call_answering"), key=["force_code", "month_start"]) }}
)

select * from answering
