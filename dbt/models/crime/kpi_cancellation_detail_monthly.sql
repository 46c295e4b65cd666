-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
{{ config(
    meta={"archive": {"day": "month_start", "sources": ["crimes"]}},
    post_hook="{{ keep_archived() }}",
) }}

{#- Days from recording to cancellation: first day of a band, and the band in words. A cancelled crime has two rows: by
    cancellation and by recording. -#}
{%- set bands = {"0": "0", "1": "1-7", "8": "8-30", "31": "31-90", "91": "91-365", "366": "over 365"} -%}
{%- set band_days -%}
case
            {%- for first_day in (bands.keys() | reverse) if first_day != "0" %}
            when days_to_cancel >= {{ first_day }} then {{ first_day }}
            {%- endfor %}
            else 0
        end
{%- endset -%}

with

counted as (
    {{- crimes_by_month(
        columns={
            "counted_by": "case when event = 'cancelled' then 'event' else 'cohort' end",
            "cancel_code": "cancel_code",
            "is_transfer": is_transfer(),
            "offence_code": "offence_code",
            "days_from": "cast(" ~ band_days ~ " as bigint)",
        },
        counts={"cancelled": "1", "days_to_cancel_total": "days_to_cancel"},
        events="is_cancelled_since = 1",
        measure="case when crimes.counted_by = 'event' then 'crime.cancelled_crime' else 'crime.pct_cohort_cancelled' end",
    ) }}
)

select
    *,
    case days_from
        {%- for first_day, band in bands.items() %}
        when {{ first_day }} then '{{ band }}'
        {%- endfor %}
    end as days_band
from counted
