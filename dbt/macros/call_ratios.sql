{#- Sums and ratios of calls shared by the daily and hourly marts. -#}

{#- Published sums; 0 without calls. -#}
{% macro call_counts() %}{{ return(["received", "answered", "not_answered", "called_back"]) }}{% endmacro %}

{#- Sums used only in quotients; null without calls, like the quotient. -#}
{% macro call_totals() %}
    {{- return(["queue_seconds_answered", "talk_seconds_answered", "answered_within_target"]) -}}
{% endmacro %}

{#- Columns of the ratios, each with the name of its measure. -#}
{% macro call_ratio_measures() %}
    {{- return({
        "pct_not_answered": "pct_not_answered",
        "avg_queue_seconds": "avg_queue_time",
        "avg_talk_seconds": "avg_talk_time",
        "pct_answered_within_target": "pct_answered_within_target",
    }) -}}
{% endmacro %}

{#- Columns of the percentiles, each with the name of its measure. -#}
{% macro call_percentile_measures() %}
    {{- return({"median_queue_seconds": "median_queue_time", "p90_queue_seconds": "p90_queue_time"}) -}}
{% endmacro %}

{#- Query: the ratios over the rows of a relation that has these sums. -#}
{% macro call_ratios(relation, key) %}
    {{- catalogue_ratios(
        relation, key=key, parts=call_counts() + call_totals(), ratios=call_ratio_measures()
    ) -}}
{% endmacro %}

{#- Published columns of a day or an hour after its key: from `sums`, their `ratios` and the `percentiles`. -#}
{% macro call_columns(sums, ratios, percentiles) -%}
    cast({{ sums }}.received as bigint) as received,
        cast({{ sums }}.answered as bigint) as answered,
        cast({{ sums }}.not_answered as bigint) as not_answered,
        cast({{ ratios }}.pct_not_answered as decimal(38, 6)) as pct_not_answered,
        cast({{ ratios }}.avg_queue_seconds as decimal(38, 6)) as avg_queue_seconds,
        cast({{ ratios }}.avg_talk_seconds as decimal(38, 6)) as avg_talk_seconds,
        cast({{ ratios }}.pct_answered_within_target as decimal(38, 6)) as pct_answered_within_target,
        cast({{ percentiles }}.median_queue_seconds as decimal(38, 6)) as median_queue_seconds,
        cast({{ percentiles }}.p90_queue_seconds as decimal(38, 6)) as p90_queue_seconds,
        cast({{ sums }}.called_back as bigint) as called_back
{%- endmacro %}
