{{ config(
    meta={"archive": {"day": "month_start", "sources": ["crimes"]}},
    post_hook="{{ keep_archived() }}",
) }}

{{ crimes_by_month(
    columns={"district": "district"},
    counts={
        "recorded_crime": "case when event = 'recorded' then 1 else 0 end",
        "cancelled_crime": "case when event = 'cancelled' then 1 else 0 end",
    },
) }}
