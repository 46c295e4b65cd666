{#- Figures as a board paper prints them: `35,634`, `1.16%`, `4m 56s`. -#}

{#- A whole number from 0 on with thousands separators. -#}
{% macro thousands(whole) %}{{ return(adapter.dispatch('thousands', 'fcir')(whole)) }}{% endmacro %}

{#- The text of a figure, or of the quotient of two sums, rounded once: half up to `decimals` (durations: to whole
    seconds). Null stays null. `unit` is an expression that gives count, percent, duration, hours, ratio or days. -#}
{% macro display_value(value, unit, decimals, denominator="1") -%}
    {%- set shown = "case when " ~ unit ~ " = 'duration' then 0 else " ~ decimals ~ " end" -%}
    {{ display_units("(" ~ rounded_quotient(value, denominator, power_of_ten("(" ~ shown ~ ")")) ~ ")", unit, decimals) }}
{%- endmacro %}

{#- The same of a whole number of the last printed decimal (`116` at 2 decimals is 1.16). -#}
{% macro display_units(units, unit, decimals) -%}
    {%- set text, seconds = dbt.type_string(), "cast(abs(" ~ units ~ ") as bigint)" -%}
    {%- set whole = "cast(" ~ int_div("abs(" ~ units ~ ")", power_of_ten(decimals)) ~ " as bigint)" -%}
    {%- set fraction = "cast(mod(abs(" ~ units ~ "), " ~ power_of_ten(decimals) ~ ") as bigint)" -%}
    {%- set minutes = int_div("mod(" ~ seconds ~ ", 3600)", "60") -%}
    case when {{ units }} >= 0 then '' when {{ units }} < 0 then '-' end
    || case
        when {{ unit }} <> 'duration' then {{ thousands(whole) }}
        when {{ seconds }} >= 3600
            then cast({{ int_div(seconds, "3600") }} as {{ text }}) || 'h ' || cast({{ minutes }} as {{ text }}) || 'm '
        when {{ seconds }} >= 60 then cast({{ minutes }} as {{ text }}) || 'm '
        else ''
    end
    || case
        when {{ unit }} = 'duration' then cast(mod({{ seconds }}, 60) as {{ text }}) || 's'
        when {{ decimals }} > 0
            then '.' || lpad(cast({{ fraction }} as {{ text }}), cast({{ decimals }} as integer), '0')
        else ''
    end
    || case when {{ unit }} = 'percent' then '%' else '' end
{%- endmacro %}
