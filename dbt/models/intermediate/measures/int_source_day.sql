with

loads as (

    select * from {{ ref("stg_loads") }}

),

final as (

    select
        source,
        extract_date as day,
        max(case when status in ('loaded', 'empty') then 1 else 0 end) = 1 as is_loaded
    from loads
    group by
        source,
        extract_date

)

select * from final
