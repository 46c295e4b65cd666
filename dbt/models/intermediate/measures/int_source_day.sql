with

loads as (

    -- A day of which nothing but a refusal is known that has been taken away since is not a day of the source.
    select *
    from {{ ref("stg_loads") }}
    where withdrawn_at is null

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
