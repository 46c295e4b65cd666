{#-
    Months by the times that the facts count by. What a delivery changes is not only in the months of its own rows:
    a crime that is re-instated loses a cancellation of another month, which only its older states name, and a call
    counts in the month of its first segment. So the months of all current or formerly current rows of the same
    calls, crimes, ... are added. Before the first publication there was no figure that could have changed. The
    extracts are not CTEs: each is read several times, and DuckDB would materialise such a CTE. A table, because
    figures are compared once in a build and once in publishing, and this is the part that reads rows.
-#}
{%- set sources = event_sources() -%}

with

unpublished_loads as (select * from {{ ref("chg_unpublished_loads") }}),

intervals as (select * from {{ ref("chg_publication_interval") }}),

standing_loads as (
    select load_id
    from {{ ref("stg_loads") }}
    where status = 'loaded'

    union

    select load_id
    from unpublished_loads
),

{%- for base, columns in sources.items() %}

{{ base }}_changed as (
    select distinct
        unpublished_loads.extract_date,
        {{ base }}.force_code,
        {{ base }}.{{ columns.key }}
    from {{ source("raw", base) }} as {{ base }}
    inner join unpublished_loads
        on {{ base }}.load_id = unpublished_loads.load_id
    cross join intervals
    where
        unpublished_loads.source = '{{ base }}'
        and intervals.last_publication_no is not null
),
{%- endfor %}

events as (
    {%- for base, columns in sources.items() %}
    {%- for time in columns.times %}
    select
        unpublished_loads.source,
        unpublished_loads.extract_date,
        {{ base }}.force_code,
        {{ base }}.{{ time }} as event_at
    from {{ source("raw", base) }} as {{ base }}
    inner join unpublished_loads
        on {{ base }}.load_id = unpublished_loads.load_id
    where unpublished_loads.source = '{{ base }}'

    union all

    select
        '{{ base }}' as source,
        changed.extract_date,
        changed.force_code,
        {{ base }}.{{ time }} as event_at
    from {{ source("raw", base) }} as {{ base }}
    inner join {{ base }}_changed as changed
        on {{ base }}.force_code = changed.force_code
        and {{ base }}.{{ columns.key }} = changed.{{ columns.key }}
    inner join standing_loads
        on {{ base }}.load_id = standing_loads.load_id
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}
)

select distinct
    cast(source as {{ dbt.type_string() }}) as source,
    cast(extract_date as date) as extract_date,
    cast(force_code as {{ dbt.type_string() }}) as force_code,
    {{ month_start(local_date("event_at")) }} as month_start
from events
where event_at is not null
