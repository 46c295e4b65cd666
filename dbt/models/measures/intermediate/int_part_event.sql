{#- The events behind int_part_daily, with the rows of the extracts that each was read from. A view, and no test of a
    night reads it: 0.7 million rows of the sample become 2.7 million. The test suite compares its sums with
    int_part_daily. -#}
{{ config(materialized="view") }}
{%- set families = event_parts().values() | sum(start=[]) -%}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

call_facts as (select * from {{ ref("fct_call") }}),

segments as (select * from {{ ref("fct_call_segment") }}),

{%- for family in families %}

{{ "all_" if family.has_rows }}{{ family.events }} as (select * from {{ ref(family.model) }}),
{%- endfor %}

-- A call was read from all rows of its segments; it counts on the row of the first, which fct_call has.
calls as (

    select
        all_calls.*,
        segments.load_id,
        segments.source_row,
        segments.load_id = call_facts.load_id and segments.source_row = call_facts.source_row as is_counted
    from all_calls
    inner join call_facts
        on {{ same_columns("all_calls", "call_facts", ["force_code", "call_id", "call_epoch"]) }}
    inner join segments
        on {{ same_columns("all_calls", "segments", ["force_code", "call_id", "call_epoch"]) }}

)

{%- for family in families %}
{%- set is_last = loop.last %}
{%- for part, amount in family.parts.items() %}

select
    force_code,
    {{ part }} as part,
    {{ family.day }} as day,
    load_id,
    source_row,
    cast({{ "case when is_counted then " ~ amount ~ " end" if family.has_rows else amount }} as decimal(38, 6)) as amount
from {{ family.events }}
where {{ [family.only, amount ~ " <> 0" if amount != "1", family.day ~ " is not null"] | select | join(" and ") }}
{{- " union all" if not (is_last and loop.last) }}
{%- endfor %}
{%- endfor %}
