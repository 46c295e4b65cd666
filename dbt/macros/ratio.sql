{#
    Exact division. DuckDB divides two decimals as DOUBLE, whose last digits are neither exact nor portable, so a
    quotient is made of integers here: amounts are scaled to millionths, divided as whole numbers and scaled back.
    Room: sums up to 10^12 with six decimals, times 100, times 10^6 again make 10^26; HUGEINT ends at 1.7 * 10^38.
#}

{% macro big_integer() %}{{ return(adapter.dispatch('big_integer', 'fcir')()) }}{% endmacro %}


{# Whole-number division that cuts off; null when the divisor is zero. Both sides are whole numbers. #}
{% macro int_div(dividend, divisor) %}{{ return(adapter.dispatch('int_div', 'fcir')(dividend, divisor)) }}{% endmacro %}


{# An amount of up to six decimals as a whole number of millionths. #}
{% macro millionths(amount) -%}
    cast(cast({{ amount }} as decimal(38, 6)) * 1000000 as {{ big_integer() }})
{%- endmacro %}


{# Ten to the power of an expression between 0 and 6; null beyond. #}
{% macro power_of_ten(exponent) -%}
    case {{ exponent }}
        {%- for power in range(7) %} when {{ power }} then {{ 10 ** power }}{% endfor %} end
{%- endmacro %}


{#
    numerator / denominator * scale as a whole number. `rounding` is half_up (away from zero, as board papers round),
    cut_off or half_even. Null when the denominator is null, zero or below zero. `scale` is a whole-number expression.
#}
{% macro rounded_quotient(numerator, denominator, scale=1, rounding='half_up') -%}
    {%- set top = 'abs(' ~ millionths(numerator) ~ ') * cast(' ~ scale ~ ' as ' ~ big_integer() ~ ')' -%}
    {%- set bottom = millionths(denominator) -%}
    case
        when {{ denominator }} > 0
            then case when {{ numerator }} < 0 then -1 else 1 end * (
            {%- if rounding == 'half_up' %}
                {{ int_div('2 * ' ~ top ~ ' + ' ~ bottom, '2 * ' ~ bottom) }}
            {%- elif rounding == 'cut_off' %}
                {{ int_div(top, bottom) }}
            {%- elif rounding == 'half_even' %}
                {{ int_div(top, bottom) }}
                + case
                    when 2 * mod({{ top }}, {{ bottom }}) > {{ bottom }} then 1
                    when 2 * mod({{ top }}, {{ bottom }}) = {{ bottom }}
                        then mod({{ int_div(top, bottom) }}, 2)
                    else 0
                end
            {%- else -%}
                {{ exceptions.raise_compiler_error(
                    "rounded_quotient: rounding is half_up, cut_off or half_even, not '" ~ rounding ~ "'") }}
            {%- endif %}
            )
    end
{%- endmacro %}


{# numerator / denominator * scale as decimal(38, 6), half up in the sixth decimal. Null as in rounded_quotient. #}
{% macro ratio(numerator, denominator, scale=1) -%}
    cast(
        cast({{ rounded_quotient(numerator, denominator, '1000000 * ' ~ scale) }} as decimal(38, 0))
        * cast(0.000001 as decimal(6, 6))
        as decimal(38, 6)
    )
{%- endmacro %}
