{#- What the tables of calls by day, month and hour have in common. `sums` is int_call_sum. -#}

{#- Columns of a span of days from `sums`: counts, `zero` where no call arrived, and the figures made of them. Talk times are
    none where a day lacks them, because the mean would be too low. `has_called_back` is whether a loaded day has
    call-backs. -#}
{% macro call_figures(zero, lacks_talk_time="sums.lacks_talk_time", has_called_back="true") -%}
    {%- for part in ["received", "answered", "not_answered"] %}
    cast(coalesce(sums.{{ part }}, {{ zero }}) as bigint) as {{ part }},
    {%- endfor %}
    cast(case when {{ has_called_back }} then coalesce(sums.called_back, {{ zero }}) end as bigint) as called_back,
    {{ ratio("sums.not_answered", "sums.received", 100) }} as pct_not_answered,
    {{ ratio("sums.queue_seconds_answered", "sums.answered") }} as avg_queue_seconds,
    case
        when not {{ lacks_talk_time }} then {{ ratio("sums.talk_seconds_answered", "sums.answered") }}
    end as avg_talk_seconds,
    {{ ratio("sums.answered_within_target", "sums.answered", 100) }} as pct_answered_within_target,
    sums.median_queue_seconds,
    sums.p90_queue_seconds
{%- endmacro %}

{#- Query: the 168 hours of a week, so that an hour without calls has a row with zero. -#}
{% macro hours_of_week() %}
    select
        weekdays.day_of_week,
        hours.hour_of_day
    from (values (1), (2), (3), (4), (5), (6), (7)) as weekdays (day_of_week)
    cross join (
        values
        (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11),
        (12), (13), (14), (15), (16), (17), (18), (19), (20), (21), (22), (23)
    ) as hours (hour_of_day)
{% endmacro %}
