{#- Models of events or sums by month that rebuild from the first month on that a pending load changed.

    What an event adds to a month is known from `chg_SOURCE_rows`, the months in which any row of a changed key ever
    counted, and from the days whose delivery came, was rejected or is missing. Older months stay unchanged, so that a
    nightly run costs the same after ten years as after one. The rebuild covers all months from the first changed
    one, because later months are compared with earlier ones, and because a single date in the query lets the engine
    skip older rows.

    `sources` are all whose events the model reads. A model that reads no event, but what others made of them, is small
    and a table, unless its rows by hour make it as large as sums of events. -#}

{#- Sources of the events that figures count, with the columns of chg_SOURCE_rows that have the local days on which an event
    counts. -#}
{% macro event_dates() -%}
    {{- return({
        "call_segments": ["arrived_date"],
        "crimes": ["recorded_date", "cancelled_date", "updated_date"],
        "digital_contacts": ["received_date"],
        "live_chats": ["requested_date"],
        "online_crime_reports": ["submitted_date"],
    }) -}}
{%- endmacro %}

{#- First month that a pending load of these sources can have changed, as a date for a query: from the days on which any
    row of a changed key ever counted. The day of a delivery decides what is provisional, whatever it contains. A caller
    who came back on a changed day may have made the unanswered call on the day before. -#}
{% macro first_changed_month(sources) %}
    {#- Outside any condition, because dbt only records a ref that it sees while parsing. -#}
    {%- set query -%}
select {{ month_start(date_plus("min(day)", -1, "day")) }} as first_month
from (
    select extract_date as day
    from {{ source("audit", "pending_load") }}
    where source in ('{{ sources | join("', '") }}')
    {%- for name in sources %}
    {%- for column in event_dates()[name] %}
    union all
    select {{ column }} from {{ ref("chg_" ~ name ~ "_rows") }}
    {%- endfor %}
    {%- endfor %}
) as days
    {%- endset -%}
    {%- set first_month = run_query(query).columns[0].values()[0] if execute and is_incremental() -%}
    {#- After a build whose publication failed nothing has changed, and no month is rebuilt. -#}
    cast('{{ first_month or "9999-12-01" }}' as date)
{%- endmacro %}

{#- Pre-hook: delete from the model's table what is to be rebuilt; nothing in a first or full build. -#}
{% macro delete_changed_months(column, sources) %}
    {%- set first_month = first_changed_month(sources) -%}
    {%- if is_incremental() %}
delete from {{ this }} where {{ column }} >= {{ first_month }}
    {%- endif -%}
{% endmacro %}

{#- Condition after `keyword` (where, and) for the rows to be rebuilt; nothing in a first or full build. `column` is a
    month or a day. -#}
{% macro in_changed_months(keyword, column, sources) %}
    {%- if is_incremental() %}
{{ keyword }} {{ column }} >= {{ first_changed_month(sources) }}
    {%- endif -%}
{% endmacro %}
