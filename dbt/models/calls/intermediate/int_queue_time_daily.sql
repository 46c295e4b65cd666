{%- set sources = ["call_segments"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('arrived_date', " ~ sources ~ ") }}",
) }}

with
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent

queue_times as (

    select *
    from {{ ref("int_queue_time_count") }}
    {{ in_changed_months("where", "arrived_date", sources) }}

),

final as (

    {{ queue_percentiles("queue_times", ["force_code", "section", "arrived_date"]) }}

)

select * from final
