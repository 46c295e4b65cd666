{#
    Figures as a board paper prints them: `35,634`, `1.16%`, `4m 56s`. Rounding happens once, so printed figures are
    computed from the two sums of a measure (display_quotient) where available, not from its six-decimal value.
#}

{# A whole number from 0 on with thousands separators. #}
{% macro thousands(whole) %}{{ return(adapter.dispatch('thousands', 'fcir')(whole)) }}{% endmacro %}


{#
    The text of a figure given as a whole number of its last printed decimal (`116` at 2 decimals is 1.16).
    unit: an expression that gives count, percent, duration, hours, ratio or days; durations ignore the decimals.
#}
{% macro display_units(units, unit, decimals) -%}
    {%- set whole = 'cast(' ~ int_div('abs(' ~ units ~ ')', power_of_ten(decimals)) ~ ' as bigint)' -%}
    {%- set fraction = 'cast(mod(abs(' ~ units ~ '), ' ~ power_of_ten(decimals) ~ ') as bigint)' -%}
    {%- set seconds = 'cast(abs(' ~ units ~ ') as bigint)' -%}
    case
        when {{ units }} is null then null
        when {{ unit }} = 'duration'
            then case when {{ units }} < 0 then '-' else '' end
            || case
                when {{ seconds }} >= 3600
                    then cast({{ int_div(seconds, '3600') }} as {{ dbt.type_string() }}) || 'h '
                else ''
            end
            || case
                when {{ seconds }} >= 60
                    then cast({{ int_div('mod(' ~ seconds ~ ', 3600)', '60') }} as {{ dbt.type_string() }}) || 'm '
                else ''
            end
            || cast(mod({{ seconds }}, 60) as {{ dbt.type_string() }})
            || 's'
        else case when {{ units }} < 0 then '-' else '' end
        || {{ thousands(whole) }}
        || case
            when {{ decimals }} > 0
                then '.' || lpad(cast({{ fraction }} as {{ dbt.type_string() }}), cast({{ decimals }} as integer), '0')
            else ''
        end
        || case when {{ unit }} = 'percent' then '%' else '' end
    end
{%- endmacro %}


{# The text of a figure, rounded half up to `decimals` (durations: to whole seconds). Null stays null. #}
{% macro display_value(value, unit, decimals) -%}
    {{ display_quotient(value, '1', unit, decimals) }}
{%- endmacro %}


{# The text of numerator / denominator, rounded once. #}
{% macro display_quotient(numerator, denominator, unit, decimals, rounding='half_up') -%}
    {%- set shown = "case when " ~ unit ~ " = 'duration' then 0 else " ~ decimals ~ " end" -%}
    {%- set units = '(' ~ rounded_quotient(numerator, denominator, power_of_ten('(' ~ shown ~ ')'), rounding) ~ ')' -%}
    {{ display_units(units, unit, decimals) }}
{%- endmacro %}
