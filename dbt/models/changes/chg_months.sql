{%- set sources = event_sources() -%}

with

pending_loads as (select * from {{ ref("stg_pending_loads") }}),

{%- for source in sources %}

{{ source }} as (select * from {{ ref("chg_" ~ source ~ "_rows") }}),

{%- endfor %}

days as (

    -- Whether a day is loaded decides what is provisional, regardless of the content of the delivery.
    select
        source,
        extract_date as day
    from pending_loads
    {%- for source, columns in sources.items() %}
    {%- for column in columns.dates %}

    union all

    select
        '{{ source }}' as source,
        {{ column }} as day
    from {{ source }}
    {%- endfor %}
    {%- endfor %}

),

-- A caller who came back on a changed day may have made the unanswered call on the day before.
final as (

    select
        cast(source as {{ dbt.type_string() }}) as source,
        {{ month_start(date_plus("min(day)", -1, "day")) }} as first_month
    from days
    group by source

)

select * from final
