{#- The events behind int_part_daily, with the rows of the extracts that each was read from. A view, and no test of a
    night reads it: 0.7 million rows of the sample become 2.7 million. The test suite compares its sums with
    int_part_daily. -#}
{{ config(materialized="view") }}
{%- set families = event_parts().values() | sum(start=[]) -%}
{%- set operator_key = ["force_code", "operator_id", "month_start"] %}

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

),

-- A stretch of an operator's time, and an operator's month, were read from all chats in them; they count on the first.
stretches as (

    select
        all_stretches.*,
        pieces.load_id,
        pieces.source_row,
        cast(row_number() over (
            partition by
                all_stretches.force_code,
                all_stretches.operator_id,
                all_stretches.month_start,
                all_stretches.stretch_no
            order by pieces.started_at asc nulls last, pieces.chat_id asc nulls last
        ) as bigint) = 1 as is_counted
    from all_stretches
    inner join pieces
        on {{ same_columns("all_stretches", "pieces", operator_key) }}
        and pieces.started_at between all_stretches.started_at and all_stretches.ended_at

),

operator_chats as (

    select
        force_code,
        operator_id,
        {{ month_start("requested_date") }} as month_start,
        accepted_at as started_at,
        chat_id,
        load_id,
        source_row
    from chats
    where is_accepted and operator_id is not null

    union

    select
        force_code,
        operator_id,
        month_start,
        started_at,
        chat_id,
        load_id,
        source_row
    from pieces

),

operators as (

    select
        all_operators.*,
        operator_chats.load_id,
        operator_chats.source_row,
        cast(row_number() over (
            partition by all_operators.force_code, all_operators.operator_id, all_operators.month_start
            order by operator_chats.started_at asc nulls last, operator_chats.chat_id asc nulls last
        ) as bigint) = 1 as is_counted
    from all_operators
    inner join operator_chats
        on {{ same_columns("all_operators", "operator_chats", operator_key) }}

)

{%- for family in families %}
{%- set is_last = loop.last %}
{%- for part, amount, only in family.parts %}

select
    force_code,
    {{ part }} as part,
    {{ family.day }} as day,
    load_id,
    source_row,
    cast({{ "case when is_counted then " ~ amount ~ " end" if family.has_rows else amount }} as decimal(38, 6)) as amount
from {{ family.events }}
where {{ [family.only, only, amount ~ " <> 0" if amount != "1", family.day ~ " is not null"] | select | join(" and ") }}
{{- " union all" if not (is_last and loop.last) }}
{%- endfor %}
{%- endfor %}
