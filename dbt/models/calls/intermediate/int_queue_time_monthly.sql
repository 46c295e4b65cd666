{%- set sources = ["call_segments"] -%}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_months('month_start', " ~ sources ~ ") }}",
) }}

with

queue_times as (select * from {{ ref("int_queue_time_count") }}),

final as (

    select
        force_code,
        section,
        month_start,
        queue_seconds,
        cast(sum(calls) as bigint) as calls
    from queue_times
    {{ in_changed_months("where", "arrived_date", sources) }}
    group by all

)

select * from final
