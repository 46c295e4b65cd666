{#- Whether a figure meets its target: strictly under it where lower is better, strictly above it where higher is better;
    a figure equal to its target misses it. Null without a figure or a target, or where neither direction is better. -#}
{% macro is_target_met(value, target, better="better") -%}
    case
        when {{ better }} = 'lower' then {{ value }} < {{ target }}
        when {{ better }} = 'higher' then {{ value }} > {{ target }}
    end
{%- endmacro %}
