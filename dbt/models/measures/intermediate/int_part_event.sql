{#- The events behind int_part_daily, with the rows of the extracts that each was read from. A view, and no test of a
    night reads it: 0.7 million rows of the sample become 2.7 million. The test suite compares its sums with
    int_part_daily. -#}
{{ config(materialized="view") }}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

call_facts as (select * from {{ ref("fct_call") }}),

segments as (select * from {{ ref("fct_call_segment") }}),

{%- for family in event_parts() %}

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
        on
            all_calls.force_code = call_facts.force_code
            and all_calls.call_id = call_facts.call_id
            and all_calls.call_epoch = call_facts.call_epoch
    inner join segments
        on
            all_calls.force_code = segments.force_code
            and all_calls.call_id = segments.call_id
            and all_calls.call_epoch = segments.call_epoch

),

final as (

    {%- for family in event_parts() %}
    {%- set is_last = loop.last %}
    {%- for part in family.parts %}
    {%- set amount = family.sums[part.sum] %}

    select
        force_code,
        {{ part.part }} as part,
        {{ family.day }} as day,
        load_id,
        source_row,
        cast(
            {{ "case when is_counted then " ~ amount ~ " end" if family.has_rows else amount }} as decimal(38, 6)
        ) as amount
    from {{ family.events }}
    {%- for condition in [family.only, part.only, amount ~ " <> 0" if amount != "1"] if condition %}
    {{ "where" if loop.first else "    and" }} {{ condition }}
    {%- endfor %}
    {%- if not (is_last and loop.last) %}

    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}

)

select * from final
