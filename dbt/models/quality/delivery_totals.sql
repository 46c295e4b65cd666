{%- set counts = [
    "days_due", "days_in_figures", "days_missing", "days_rejected", "days_withdrawn",
    "rows_read", "rows_loaded", "rows_repeated", "rows_quarantined", "rows_in_quarantine",
] -%}
with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

days as (

    select
        source,
        count(*) as days_due,
        sum(case when is_in_figures then 1 else 0 end) as days_in_figures,
        {%- for status in ["missing", "rejected", "withdrawn"] %}
        sum(case when status = '{{ status }}' then 1 else 0 end) as days_{{ status }},
        {%- endfor %}
        max(case when is_in_figures then extract_date end) as newest_day
    from {{ ref("deliveries") }}
    group by source

),

accepted as (

    select
        source,
        sum(rows_read) as rows_read,
        sum(rows_loaded) as rows_loaded,
        sum(rows_repeated) as rows_repeated,
        sum(rows_quarantined) - sum(coalesce(rows_repeated, 0)) as rows_quarantined
    from {{ source("audit", "load") }}
    where status in ('loaded', 'empty')
    group by source

),

-- Rows that repeat others are not lost.
listed as (

    select
        source,
        count(*) as rows_in_quarantine
    from {{ ref("quarantine") }}
    where coalesce(reason_code, '') not in ('duplicate_row', 'superseded_row')
    group by source

),

-- In two steps: Spark has no row for a rollup of nothing.
totals as (
    {%- for source, grouping in [("days.source", "group by days.source"), ("'*'", "")] %}

    select
        {{ source }} as source,
        {%- for column in counts %}
        cast(coalesce(sum({{ column }}), 0) as bigint) as {{ column }},
        {%- endfor %}
        max(days.newest_day) as newest_day
    from days
    left join accepted
        on days.source = accepted.source
    left join listed
        on days.source = listed.source
    {{ grouping }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

)

select
    *,
    {{ ratio("rows_quarantined", "rows_read", 100) }} as share_quarantined
from totals
