{#- What the marts of calls by day and hour share: sums of calls, and the columns made of them. -#}

{#- Published sums; 0 without calls. -#}
{% macro call_counts() %}{{ return(["received", "answered", "not_answered", "called_back"]) }}{% endmacro %}

{#- Sums used only in quotients; null without calls, like the quotient. -#}
{% macro call_totals() %}
    {{- return(["queue_seconds_answered", "talk_seconds_answered", "answered_within_target"]) -}}
{% endmacro %}

{#- Columns of the ratios and percentiles, each with the name of its measure. -#}
{% macro call_measures() %}
    {{- return({
        "pct_not_answered": "pct_not_answered",
        "avg_queue_seconds": "avg_queue_time",
        "avg_talk_seconds": "avg_talk_time",
        "pct_answered_within_target": "pct_answered_within_target",
        "median_queue_seconds": "median_queue_time",
        "p90_queue_seconds": "p90_queue_time",
    }) -}}
{% endmacro %}

{#- Published columns of a day or an hour after its key, from `sums` and the `percentiles`. -#}
{% macro call_columns(sums, percentiles) -%}
    cast({{ sums }}.received as bigint) as received,
        cast({{ sums }}.answered as bigint) as answered,
        cast({{ sums }}.not_answered as bigint) as not_answered,
        {{ ratio(sums ~ ".not_answered", sums ~ ".received", 100) }} as pct_not_answered,
        {{ ratio(sums ~ ".queue_seconds_answered", sums ~ ".answered") }} as avg_queue_seconds,
        {{ ratio(sums ~ ".talk_seconds_answered", sums ~ ".answered") }} as avg_talk_seconds,
        {{ ratio(sums ~ ".answered_within_target", sums ~ ".answered", 100) }} as pct_answered_within_target,
        cast({{ percentiles }}.median_queue_seconds as decimal(38, 6)) as median_queue_seconds,
        cast({{ percentiles }}.p90_queue_seconds as decimal(38, 6)) as p90_queue_seconds,
        cast({{ sums }}.called_back as bigint) as called_back
{%- endmacro %}
