{#- A view of literals, so that an hour without calls has a row with zero. Not a union of selects: each branch has
    its own buffers in every reader, and 168 branches take 280 MB. -#}
{{ config(materialized="view") }}

with

weekdays as (

    select weekdays.day_of_week
    from (values (1), (2), (3), (4), (5), (6), (7)) as weekdays (day_of_week)

),

hours as (

    select hours.hour_of_day
    from (
        values
        (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11),
        (12), (13), (14), (15), (16), (17), (18), (19), (20), (21), (22), (23)
    ) as hours (hour_of_day)

),

final as (

    select
        weekdays.day_of_week,
        hours.hour_of_day
    from weekdays
    cross join hours

)

select * from final
