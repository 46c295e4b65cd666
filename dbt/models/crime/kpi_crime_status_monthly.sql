{%- set kinds = crime_change_kinds() -%}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

counted as (select * from {{ ref("int_crime_change_monthly") }}),

deliveries as (select * from {{ ref("int_measure_delivery") }}),

months as (

    select
        force_code,
        month_start,
        days_in_month,
        days_loaded
    from deliveries
    where measure = 'crime.recorded_crime'

),

combined as (

    {%- for kind in kinds %}

    select
        months.force_code,
        months.month_start,
        '{{ kind }}' as change,
        coalesce(counted.{{ kind }}_states, 0) as states,
        coalesce(counted.{{ kind }}_crimes, 0) as crimes,
        months.days_in_month,
        months.days_loaded
    from months
    left join counted
        on
            months.force_code = counted.force_code
            and months.month_start = counted.month_start
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(month_start as date) as month_start,
        cast(change as {{ dbt.type_string() }}) as change,
        cast(case when days_loaded > 0 then states end as bigint) as states,
        cast(case when days_loaded > 0 then crimes end as bigint) as crimes,
        cast(days_loaded < days_in_month as boolean) as is_provisional,
        {{ ratio("days_loaded", "days_in_month", 100) }} as share_of_days_loaded
    from combined

)

select * from final
