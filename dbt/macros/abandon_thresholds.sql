{#- Query of the thresholds under which an abandoned call may be left out: those in common use, and those in
    `parameters`, the model's CTE of the seed call_parameters. -#}
{% macro abandon_thresholds(parameters) %}
    {%- for seconds in [0, 5, 10, 15, 20, 30] %}

    select cast({{ seconds }} as decimal(18, 6)) as short_abandon_seconds

    union
    {%- endfor %}

    select short_abandon_seconds from {{ parameters }}
{% endmacro %}
