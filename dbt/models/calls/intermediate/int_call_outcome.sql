{#- A view, like the one that it filters. -#}
{{ config(materialized="view") }}

with

calls as (select * from {{ ref("int_call_judged") }}),

final as (

    select
        force_code,
        call_id,
        call_epoch,
        line,
        arrived_date,
        month_start,
        day_of_week,
        hour_of_day,
        queue_seconds,
        is_answered_by_operator,
        section,
        received,
        with_queue_time,
        answered,
        not_answered,
        queue_seconds_answered,
        talk_seconds_answered,
        answered_within_target,
        called_back,
        called_back_same_day
    from calls
    where not is_short_abandon

)

select * from final
