{#- Condition: more than 1% of some rows were quarantined, so the figures counted from them are marked. -#}
{% macro exceeds_quarantine_limit(rows_quarantined, rows_read) -%}
    100 * {{ rows_quarantined }} > {{ rows_read }}
{%- endmacro %}
