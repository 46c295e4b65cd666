{%- set dates = {
    "call_segments": ["arrived_date"],
    "crimes": ["recorded_date", "cancelled_date", "updated_date"],
    "digital_contacts": ["received_date"],
    "live_chats": ["requested_date"],
    "online_crime_reports": ["submitted_date"],
} -%}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

pending_loads as (

    select * from {{ ref("stg_pending_loads") }}

),

{%- for source in dates %}

{{ source }} as (

    select * from {{ ref("chg_" ~ source ~ "_rows") }}

),

{%- endfor %}

days as (

    -- Whether a day is loaded decides what is provisional, whatever the delivery holds.
    select
        source,
        extract_date as day
    from pending_loads
    {%- for source, columns in dates.items() %}
    {%- for column in columns %}

    union all

    select
        '{{ source }}' as source,
        {{ column }} as day
    from {{ source }}
    {%- endfor %}
    {%- endfor %}

),

-- A caller who came back on a changed day may have been lost the day before.
final as (

    select
        cast(source as {{ dbt.type_string() }}) as source,
        {{ month_start(date_plus("min(day)", -1, "day")) }} as first_month
    from days
    group by source

)

select * from final
