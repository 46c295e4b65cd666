{#- What models of crimes have in common. -#}

{#- Kinds of changes, in the order in which they are published; a change can be of several. -#}
{% macro crime_change_kinds() %}
    {{- return(["recorded", "cancelled", "reinstated", "reclassified", "recoded", "moved", "other"]) -}}
{% endmacro %}

{#- Whether a crime was cancelled because it was transferred to another force; false without a code. -#}
{% macro is_transfer(cancel_code="cancel_code") -%}
    coalesce({{ cancel_code }} = 'C1', false)
{%- endmacro %}
