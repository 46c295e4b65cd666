{#-
    Exact division. DuckDB divides two decimals as DOUBLE, whose last digits are neither exact nor portable, so both sides
    become whole numbers of millionths here and the quotient is rounded once. Room: sums up to 10^12 with six decimals,
    times 100, times 10^6 again make 10^26; HUGEINT ends at 1.7 * 10^38.
-#}

{% macro big_integer() %}{{ return(adapter.dispatch('big_integer', 'fcir')()) }}{% endmacro %}

{#- Whole-number division that cuts off; null when the divisor is zero. Both sides are whole numbers. -#}
{% macro int_div(dividend, divisor) %}{{ return(adapter.dispatch('int_div', 'fcir')(dividend, divisor)) }}{% endmacro %}

{#- Ten to the power of an expression between 0 and 6; null beyond. -#}
{% macro power_of_ten(exponent) -%}
    case {{ exponent }}
        {%- for power in range(7) %} when {{ power }} then {{ 10 ** power }}{% endfor %} end
{%- endmacro %}

{#- numerator / denominator * scale as a whole number, rounded half up (away from zero, as board papers round). Null unless
    the denominator is above zero. `scale` is a whole-number expression. -#}
{% macro rounded_quotient(numerator, denominator, scale=1) -%}
    {%- set integer = big_integer() -%}
    {%- set millionths = "cast(cast({} as decimal(38, 6)) * 1000000 as " ~ integer ~ ")" -%}
    {%- set top = "abs(" ~ millionths.format(numerator) ~ ") * cast(" ~ scale ~ " as " ~ integer ~ ")" -%}
    {%- set bottom = millionths.format(denominator) -%}
    case
        when {{ denominator }} > 0
            then case when {{ numerator }} < 0 then -1 else 1 end
                * {{ int_div("2 * " ~ top ~ " + " ~ bottom, "2 * " ~ bottom) }}
    end
{%- endmacro %}

{#- numerator / denominator * scale as decimal(38, 6), half up in the sixth decimal. Null as in rounded_quotient. -#}
{% macro ratio(numerator, denominator, scale=1) -%}
    cast(
        cast({{ rounded_quotient(numerator, denominator, '1000000 * ' ~ scale) }} as decimal(38, 0))
        * cast(0.000001 as decimal(6, 6))
        as decimal(38, 6)
    )
{%- endmacro %}
