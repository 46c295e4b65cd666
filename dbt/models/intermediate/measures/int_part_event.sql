{#- The events behind int_part_daily, with the rows of the extracts that each was read from. A view, and no test of a
    night reads it: unpivoted, the events are twelve times as many rows as there are events. The test suite compares its
    sums with int_part_daily. -#}
{{ config(materialized="view") }}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

call_outcomes as (

    select * from {{ ref("int_call_outcome") }}

),

call_facts as (

    select * from {{ ref("fct_call") }}

),

segments as (

    select * from {{ ref("fct_call_segment") }}

),

contacts as (

    select * from {{ ref("fct_digital_contact") }}

),

submissions as (

    select * from {{ ref("fct_online_crime_report") }}

),

chats as (

    select * from {{ ref("int_chat_outcome") }}

),

operator_time as (

    select * from {{ ref("int_chat_operator_time") }}

),

crimes as (

    select * from {{ ref("int_crime_event") }}

),

-- A call was read from all rows of its segments; it counts on the row of the first, which fct_call has.
calls as (

    select
        call_outcomes.*,
        segments.load_id,
        segments.source_row,
        segments.load_id = call_facts.load_id and segments.source_row = call_facts.source_row as is_counted
    from call_outcomes
    inner join call_facts
        on
            call_outcomes.force_code = call_facts.force_code
            and call_outcomes.call_id = call_facts.call_id
    inner join segments
        on
            call_outcomes.force_code = segments.force_code
            and call_outcomes.call_id = segments.call_id

),

-- What a chat adds to the stretch that it belongs to: the time after the latest end of those accepted before it.
operator_chats as (

    select
        chats.force_code,
        operator_time.first_requested_date,
        chats.load_id,
        chats.source_row,
        chats.accepted_at,
        chats.ended_at,
        max(chats.ended_at) over (
            partition by
                operator_time.force_code,
                operator_time.operator_id,
                operator_time.month_start,
                operator_time.stretch_no
            order by chats.accepted_at asc nulls last, chats.ended_at asc nulls last, chats.chat_id asc nulls last
            rows between unbounded preceding and 1 preceding
        ) as earlier_end
    from operator_time
    inner join chats
        on
            operator_time.force_code = chats.force_code
            and operator_time.operator_id = chats.operator_id
            and operator_time.month_start = {{ month_start("chats.requested_date") }}
            and chats.accepted_at between operator_time.started_at and operator_time.ended_at
    where chats.accepted_with_operator = 1

),

final as (

    {%- for family in event_parts() %}
    {%- for part in family.parts %}
    {%- set amount = family.sums[part.sum] %}

    select
        force_code,
        {{ part.part }} as part,
        {{ family.day }} as day,
        '{{ family.source }}' as source,
        load_id,
        source_row,
        cast(
            {{ "case when is_counted then " ~ amount ~ " end" if family.events == "calls" else amount }} as decimal(38, 6)
        ) as amount
    from {{ family.events }}
    {%- for condition in [family.only, part.only, amount ~ " <> 0" if amount != "1"] if condition %}
    {{ "where" if loop.first else "    and" }} {{ condition }}
    {%- endfor %}

    union all
    {%- endfor %}
    {%- endfor %}

    select
        force_code,
        'live_chat.operator_seconds' as part,
        first_requested_date as day,
        'live_chats' as source,
        load_id,
        source_row,
        cast(
            case
                when earlier_end is null then {{ seconds_between("accepted_at", "ended_at") }}
                when ended_at > earlier_end then {{ seconds_between("earlier_end", "ended_at") }}
                else 0
            end as decimal(38, 6)
        ) as amount
    from operator_chats

)

select * from final
