{#- Twice what an amount adds to the median of some amounts, by its place among them. -#}
{% macro doubled_in_median(amount, place, number) -%}
    case
        when 2 * {{ place }} = {{ number }} + 1 then 2 * {{ amount }}
        when 2 * {{ place }} in ({{ number }}, {{ number }} + 2) then {{ amount }}
    end
{%- endmacro %}

{#- Twice a limit of the usual of a month of int_measure_usual, times 1,000: 3.145 usual steps above or below, the limits
    of charts of individuals by their median moving range, after Wheeler.
    sign: + or -. -#}
{% macro usual_limit(months, sign) -%}
    1000 * {{ months }}.usual_x2 {{ sign }} 3145 * {{ months }}.usual_step_x2
{%- endmacro %}

{#- 1 for a value of such a month above the upper limit of the usual, -1 for one below the lower, else 0. -#}
{% macro limit_passed(months, value) -%}
    case
        when 2000 * {{ months }}.scale * {{ months }}.{{ value }} > {{ usual_limit(months, "+") }} then 1
        when 2000 * {{ months }}.scale * {{ months }}.{{ value }} < {{ usual_limit(months, "-") }} then -1
        else 0
    end
{%- endmacro %}
