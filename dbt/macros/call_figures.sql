{#- What the tables of calls by day, month and hour have in common. `sums` is int_call_sum. -#}

{#- Columns of the ratios and percentiles, each with the name of its measure. -#}
{% macro call_figure_measures() %}
    {{- return({
        "pct_not_answered": "pct_not_answered",
        "avg_queue_seconds": "avg_queue_time",
        "avg_talk_seconds": "avg_talk_time",
        "pct_answered_within_target": "pct_answered_within_target",
        "median_queue_seconds": "median_queue_time",
        "p90_queue_seconds": "p90_queue_time",
    }) -}}
{% endmacro %}

{#- Columns of a span of days from `sums`: counts, `zero` where no call arrived, and the figures made of them. Talk times are
    none where a day lacks them, because the mean would be too low. -#}
{% macro call_figures(zero, lacks_talk_time="sums.lacks_talk_time") -%}
    {%- for part in ["received", "answered", "not_answered", "called_back"] %}
    cast(coalesce(sums.{{ part }}, {{ zero }}) as bigint) as {{ part }},
    {%- endfor %}
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
