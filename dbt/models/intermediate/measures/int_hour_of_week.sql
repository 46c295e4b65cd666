{#- A view of 168 literals, so that an hour in which nobody called is there with a zero. -#}
{{ config(materialized="view") }}

with

final as (

    {%- for day_of_week in range(1, 8) %}
    {%- for hour_of_day in range(24) %}
    select
        {{ day_of_week }} as day_of_week,
        {{ hour_of_day }} as hour_of_day
    {{- " union all" if not (day_of_week == 7 and loop.last) }}
    {%- endfor %}
    {%- endfor %}

)

select * from final
