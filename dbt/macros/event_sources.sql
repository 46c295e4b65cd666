{#- Sources of the events that figures count. chg_months reads this list.

    key: column of the raw table that identifies an event of a force.
    dates: columns of chg_SOURCE_rows with the local days that an event counts on.
    times: columns of the raw table with the times whose months an event counts in. -#}
{% macro event_sources() -%}
    {{- return({
        "call_segments": {"key": "call_id", "dates": ["arrived_date"], "times": ["arrived_at"]},
        "crimes": {
            "key": "crime_ref",
            "dates": ["recorded_date", "cancelled_date", "updated_date"],
            "times": ["recorded_at", "cancelled_at"],
        },
        "digital_contacts": {"key": "contact_id", "dates": ["received_date"], "times": ["received_at"]},
        "live_chats": {"key": "chat_id", "dates": ["requested_date"], "times": ["requested_at", "ended_at"]},
        "online_crime_reports": {"key": "submission_id", "dates": ["submitted_date"], "times": ["submitted_at"]},
    }) -}}
{%- endmacro %}
