{{ config(
    meta={"archive": {"day": "month_start", "sources": ["crimes"]}},
    post_hook="{{ keep_archived() }}",
) }}

{{ crimes_by_month(
    columns={"cancel_code": "cancel_code", "offence_code": "offence_code"},
    counts={"cancelled": "1"},
    events="event = 'cancelled'",
) }}
