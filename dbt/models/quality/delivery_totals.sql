{%- set counts = [
    "days_due", "days_in_figures", "days_missing", "days_rejected", "days_withdrawn",
    "rows_read", "rows_loaded", "rows_repeated", "rows_quarantined", "rows_in_quarantine",
] -%}
with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

deliveries as (select * from {{ ref("deliveries") }}),

loads as (select * from {{ ref("stg_loads") }}),

quarantine as (select * from {{ ref("quarantine") }}),

days as (

    select
        source,
        count(*) as days_due,
        sum(case when is_in_figures then 1 else 0 end) as days_in_figures,
        sum(case when status = 'missing' then 1 else 0 end) as days_missing,
        sum(case when status = 'rejected' then 1 else 0 end) as days_rejected,
        sum(case when status = 'withdrawn' then 1 else 0 end) as days_withdrawn,
        max(case when is_in_figures then extract_date end) as newest_day
    from deliveries
    group by source

),

accepted as (

    select
        source,
        sum(rows_read) as rows_read,
        sum(rows_loaded) as rows_loaded,
        sum(rows_repeated) as rows_repeated,
        sum(rows_quarantined) - sum(coalesce(rows_repeated, 0)) as rows_quarantined
    from loads
    where status in ('loaded', 'empty')
    group by source

),

listed as (

    select
        source,
        count(*) as rows_in_quarantine
    from quarantine
    -- Rows that repeat others are not lost.
    where coalesce(reason_code, '') not in ('duplicate_row', 'superseded_row')
    group by source

),

sources as (

    select
        days.*,
        accepted.rows_read,
        accepted.rows_loaded,
        accepted.rows_repeated,
        accepted.rows_quarantined,
        listed.rows_in_quarantine
    from days
    left join accepted
        on days.source = accepted.source
    left join listed
        on days.source = listed.source

),

-- The row of all sources exists before the first delivery.
totals as (

    select
        source,
        {%- for column in counts %}
        {{ column }},
        {%- endfor %}
        newest_day
    from sources

    union all

    select
        '*' as source,
        {%- for column in counts %}
        sum({{ column }}) as {{ column }},
        {%- endfor %}
        max(newest_day) as newest_day
    from sources

),

final as (

    select
        cast(source as {{ dbt.type_string() }}) as source,
        {%- for column in counts %}
        cast(coalesce({{ column }}, 0) as bigint) as {{ column }},
        {%- endfor %}
        {{ ratio("rows_quarantined", "rows_read", 100) }} as share_quarantined,
        cast(newest_day as date) as newest_day
    from totals

)

select * from final
