{%- set sources = ["call_segments"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('arrived_date', " ~ sources ~ ") }}",
) }}

with

calls as (select * from {{ ref("fct_call") }}),

parameters as (select * from {{ ref("call_parameters") }}),

days as (

    select distinct
        force_code,
        line,
        arrived_date
    from calls
    {{ in_changed_months("where", "arrived_date", sources) }}

),

final as (
    {{- in_force(
        "days",
        columns=["force_code", "line", "arrived_date"],
        day="arrived_date",
        list="parameters",
        key=["line"],
        values=["answer_target_seconds", "short_abandon_seconds", "called_back_counts_as_answered"],
    ) }}
)

select * from final
