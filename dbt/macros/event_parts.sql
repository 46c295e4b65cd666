{#-
    Which events count towards which part of a measure, and with what amount. Only this macro has these rules:
    int_part_daily sums them by day, int_part_event returns the events behind a sum with their extract rows. The
    names of parts are those of measure_parts.

    events: name under which a model knows the events, one row per event, with force_code.
    model: the model that has them.
    source: the source whose deliveries bring them.
    has_rows: whether an event was read from several rows of extracts (a call from its segments); it counts on one.
    day: column of the local day that an event counts on.
    only: condition on an event to count at all; none where all do.
    keys: columns that decide the part. Events are summed by force, day and these before they become parts: to unpivot
        every event first took 0.6 CPU seconds on the sample, against 0.12.
    sums: amounts by name, as expressions over an event.
    parts: for each, the name as an expression over the keys, which of the sums, and a condition on the keys or none.
-#}
{% macro event_parts() -%}
    {%- set calls = [] -%}
    {%- set call_sums = {} -%}
    {%- for name in [
        "received", "answered", "not_answered", "queue_seconds_answered", "talk_seconds_answered",
        "answered_within_target", "called_back", "called_back_same_day", "with_queue_time",
    ] -%}
        {%- do call_sums.update({name: name}) -%}
    {%- endfor -%}
    {%- do call_sums.update({"queue_seconds_all": "queue_seconds"}) -%}
    {%- for name in call_sums -%}
        {%- do calls.append({"part": "section || '." ~ name ~ "'", "sum": name, "only": none}) -%}
    {%- endfor -%}

    {%- set chats = [] -%}
    {%- set chat_sums = {} -%}
    {%- for name in [
        "requested", "accepted", "not_accepted", "wait_seconds", "duration_seconds", "accepted_with_operator",
    ] -%}
        {%- do chat_sums.update({name: name}) -%}
        {%- do chats.append({"part": "'live_chat." ~ name ~ "'", "sum": name, "only": none}) -%}
    {%- endfor -%}

    {%- set pieces = [] -%}
    {%- set piece_sums = {"held": "1"} -%}
    {%- for name in ["held_seconds", "operator_seconds", "operators", "operators_with_several"] -%}
        {%- do piece_sums.update({name: name}) -%}
    {%- endfor -%}
    {%- for name in piece_sums -%}
        {%- do pieces.append({"part": "'live_chat." ~ name ~ "'", "sum": name, "only": none}) -%}
    {%- endfor -%}

    {{- return([
        {
            "events": "calls", "model": "int_call_outcome", "source": "call_segments",
            "has_rows": true, "day": "arrived_date", "only": none,
            "keys": ["section"], "sums": call_sums, "parts": calls,
        },
        {
            "events": "chats", "model": "int_chat_outcome", "source": "live_chats",
            "has_rows": false, "day": "requested_date", "only": none,
            "keys": [], "sums": chat_sums, "parts": chats,
        },
        {
            "events": "pieces", "model": "int_chat_piece", "source": "live_chats",
            "has_rows": false, "day": "day",
            "only": none, "keys": [], "sums": piece_sums, "parts": pieces,
        },
        {
            "events": "contacts", "model": "fct_digital_contact", "source": "digital_contacts",
            "has_rows": false, "day": "received_date",
            "only": "is_public_demand", "keys": ["contact_type"], "sums": {"contacts": "1"},
            "parts": [
                {"part": "'digital.contacts'", "sum": "contacts", "only": none},
                {"part": "'digital.' || contact_type", "sum": "contacts", "only": none},
            ],
        },
        {
            "events": "submissions", "model": "fct_online_crime_report", "source": "online_crime_reports",
            "has_rows": false, "day": "submitted_date",
            "only": none, "keys": ["service"], "sums": {"submissions": "1"},
            "parts": [{"part": "'ocr.' || service", "sum": "submissions", "only": none}],
        },
        {
            "events": "crimes", "model": "int_crime_event", "source": "crimes",
            "has_rows": false, "day": "event_date", "only": none,
            "keys": ["event", "cancel_code"],
            "sums": {"crimes": "1", "cancelled_since": "is_cancelled_since", "days_to_cancel": "days_to_cancel"},
            "parts": [
                {"part": "'crime.' || event", "sum": "crimes", "only": none},
                {
                    "part": "'crime.cancelled.' || cancel_code", "sum": "crimes",
                    "only": "event = 'cancelled' and cancel_code is not null",
                },
                {"part": "'crime.cohort_cancelled'", "sum": "cancelled_since", "only": "event = 'recorded'"},
                {"part": "'crime.cohort_days_to_cancel'", "sum": "days_to_cancel", "only": "event = 'recorded'"},
            ],
        },
    ]) -}}
{%- endmacro %}
