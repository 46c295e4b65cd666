{#-
    Which events count towards which part of a measure, and with what amount, by subject. Only this macro has these rules:
    part_days() sums them by day, int_part_event returns the events behind a sum with their extract rows. The names of
    parts are those of measure_parts.

    events: name under which a model knows the events, one row per event, with force_code.
    model: the model that has them.
    source: the source whose deliveries bring them.
    has_rows: whether an event was read from several rows of extracts (a call from its segments); it counts on one.
    day: column of the local day that an event counts on.
    only: condition on an event to count at all; none where all do.
    keys: columns that decide the part. Events are summed by force, day and these before they become parts: to unpivot
        every event first took 0.6 CPU seconds on the sample, against 0.12.
    parts: names as expressions over the keys, each with the amount as an expression over an event. An event of another
        part has the amount 0 or no name.

    A force states those of its own facts in config/parts.yaml; fcir passes them as the variable own_events.
-#}
{% macro event_parts() -%}
    {%- set calls = {} -%}
    {%- for name in [
        "received", "answered", "not_answered", "queue_seconds_answered", "talk_seconds_answered",
        "answered_within_target", "called_back", "called_back_same_day", "with_queue_time", "queue_seconds_all",
    ] -%}
        {%- do calls.update({"section || '." ~ name ~ "'": name}) -%}
    {%- endfor -%}

    {{- return({
        "calls": [{
            "events": "calls", "model": "int_call_judged", "source": "call_segments", "has_rows": true,
            "day": "arrived_date", "only": "not is_short_abandon", "keys": ["section"], "parts": calls,
        }],
        "contact": [
            {
                "events": "contacts", "model": "fct_digital_contact", "source": "digital_contacts",
                "day": "received_date", "only": "is_public_demand", "keys": ["contact_type"],
                "parts": {"'digital.contacts'": "1", "'digital.' || contact_type": "1"},
            },
            {
                "events": "submissions", "model": "fct_online_crime_report", "source": "online_crime_reports",
                "day": "submitted_date", "keys": ["service"], "parts": {"'ocr.' || service": "1"},
            },
            {
                "events": "chats", "model": "fct_live_chat", "source": "live_chats", "day": "requested_date", "keys": [],
                "parts": {
                    "'live_chat.requested'": "1",
                    "'live_chat.accepted'": "case when is_accepted then 1 else 0 end",
                    "'live_chat.not_accepted'": "case when is_accepted then 0 else 1 end",
                    "'live_chat.wait_seconds'": "case when is_accepted then wait_seconds else 0 end",
                    "'live_chat.duration_seconds'": "case when is_accepted then duration_seconds else 0 end",
                    "'live_chat.accepted_with_operator'":
                        "case when is_accepted and operator_id is not null then 1 else 0 end",
                },
            },
            {
                "events": "pieces", "model": "int_chat_piece", "source": "live_chats", "day": "day", "keys": [],
                "parts": {
                    "'live_chat.held'": "1",
                    "'live_chat.held_seconds'": "held_seconds",
                    "'live_chat.operator_seconds'": "operator_seconds",
                    "'live_chat.operators'": "operators",
                    "'live_chat.operators_with_several'": "operators_with_several",
                },
            },
        ],
        "crime": [{
            "events": "crimes", "model": "int_crime_event", "source": "crimes",
            "day": "event_date", "keys": ["event", "cancel_code"],
            "parts": {
                "'crime.' || event": "1",
                "'crime.cancelled.' || cancel_code":
                    "case when event = 'cancelled' and cancel_code is not null then 1 else 0 end",
                "'crime.cohort_cancelled'": "case when event = 'recorded' then is_cancelled_since else 0 end",
                "'crime.cohort_days_to_cancel'": "case when event = 'recorded' then days_to_cancel else 0 end",
            },
        }],
        "own": var("own_events", []),
    }) -}}
{%- endmacro %}

{#- Query: sums of the events of a subject by source, force, day and part. `sources` are those of the subject. -#}
{% macro part_days(subject, sources) %}
{%- set families = event_parts()[subject] -%}
with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
{%- for family in families %}
{%- set amounts = family.parts.values() | unique | list %}

{{ family.events }} as (

    select
        force_code,
        {{ family.day }} as day,
        {%- for key in family["keys"] %}
        {{ key }},
        {%- endfor %}
        {%- for amount in amounts %}
        sum({{ amount }}) as amount_{{ loop.index0 }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ ref(family.model) }}
    where
        {{ family.only or family.day ~ " is not null" }}
        {{ in_changed_months("and", family.day, sources) }}
    group by all

),
{%- endfor %}

amounts as (
    {%- for family in families %}
    {%- set is_last, amounts = loop.last, family.parts.values() | unique | list %}
    {%- for part, amount in family.parts.items() %}

    select
        '{{ family.source }}' as source,
        force_code,
        day,
        {{ part }} as part,
        amount_{{ amounts.index(amount) }} as amount
    from {{ family.events }}
    {{- " union all" if not (is_last and loop.last) }}
    {%- endfor %}
    {%- endfor %}

)

select
    source,
    force_code,
    day,
    part,
    cast(sum(amount) as decimal(38, 6)) as amount
from amounts
group by all
having sum(amount) <> 0
{% endmacro %}
