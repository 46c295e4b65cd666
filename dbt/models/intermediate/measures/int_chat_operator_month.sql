{#- A view of some hundred rows a month. -#}
{{ config(materialized="view") }}

with

levels as (

    select * from {{ ref("int_chat_level") }}

),

final as (

    select
        force_code,
        operator_id,
        month_start,
        min(requested_date) as first_requested_date,
        1 as operators,
        case when max(held_at_once) >= 2 then 1 else 0 end as operators_with_several
    from levels
    group by
        force_code,
        operator_id,
        month_start

)

select * from final
