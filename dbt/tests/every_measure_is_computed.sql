{#- Returns rows of measure_catalogue that no model computes, with what to do. -#}
{{ config(meta={"returns_faults": true}) }}
{%- set amounts = ["calls_101.queue_seconds", "calls_999.queue_seconds", "live_chat.held_at_once"] -%}
{%- for family in event_parts()["own"] -%}
    {%- do amounts.extend(family.amounts) -%}
{%- endfor -%}
with
-- The linter cannot follow the indentation of a list.
-- noqa: disable=layout.indent,layout.long_lines

roles as (
    select
        measure,
        max(case when role = 'numerator' then 1 else 0 end) = 1 as has_numerator,
        max(case when role = 'denominator' then 1 else 0 end) = 1 as has_denominator,
        max(case when role = 'population' then 1 else 0 end) = 1 as has_population
    from {{ ref("measure_parts") }}
    group by measure
),

judged as (
    select
        measures.measure,
        case
            when measures.method in ('sum', 'ratio') and coalesce(measures.amount, '') <> ''
                then 'a ' || measures.method || ' has no amount: empty the column'
            -- Its formula depends on the force and the month.
            when measures.measure = 'crime.pct_cancelled' then null
            when measures.method in ('sum', 'ratio') and not coalesce(roles.has_numerator, false)
                then 'measure_parts.csv has no numerator for it: add the parts that it is the sum of'
            when measures.method = 'ratio' and not roles.has_denominator
                then 'measure_parts.csv has no denominator for it: add the parts that it is divided by'
            when measures.method = 'sum' and roles.has_denominator
                then 'measure_parts.csv has a denominator for it: its method is ratio'
            when measures.method in ('sum', 'ratio') then null
            when regexp_extract(measures.method, '^(max|p[0-9][0-9]?)$', 0) = ''
                then 'no model knows its method: expected sum, ratio, max or a percentile such as p50'
            when coalesce(measures.amount, '') not in ('{{ amounts | join("', '") }}')
                then 'no model knows its amount: add it to config/parts.yaml, or to a model of amounts and this test; known are '
                || '{{ amounts | join(", ") }}'
            when not coalesce(roles.has_population, false)
                then 'measure_parts.csv names no population for it: add the part that counts its events'
        end as message
    from {{ ref("measure_catalogue") }} as measures
    left join roles
        on measures.measure = roles.measure
)

select
    measure || ': ' || message as fault,
    1 as faulty_rows,
    'measure = ''' || measure || '''' as rows_where
from judged
where message is not null
