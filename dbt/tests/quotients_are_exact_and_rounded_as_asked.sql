{#- The macros that every figure goes through, at the values where a double or another rounding gives another answer. -#}
{%- set cases = [
    ("2", "3", "100", "67"),
    ("1", "8", "100", "13"),
    ("-1", "8", "100", "-13"),
    ("1.005", "1", "100", "101"),
    ("999999999999.999999", "0.000001", "1", "999999999999999999"),
    ("1", "0", "100", "null"),
    ("null", "5", "100", "null"),
    ("1", "null", "100", "null"),
] -%}
{%- set ratios = [
    ("1000000000000", "3", "100", "33333333333333.333333"),
    ("2", "3", "1", "0.666667"),
    ("0.0000005", "1", "1", "0.000001"),
    ("-2", "3", "100", "-66.666667"),
] -%}
{%- set texts = [
    ("35634", "'count'", "0", "'35,634'"),
    ("-1234", "'count'", "0", "'-1,234'"),
    ("999.5", "'count'", "0", "'1,000'"),
    ("1.005", "'percent'", "2", "'1.01%'"),
    ("3", "'percent'", "1", "'3.0%'"),
    ("0.04", "'percent'", "1", "'0.0%'"),
    ("16.5", "'duration'", "0", "'17s'"),
    ("59.5", "'duration'", "2", "'1m 0s'"),
    ("296", "'duration'", "0", "'4m 56s'"),
    ("3600", "'duration'", "0", "'1h 0m 0s'"),
    ("3723", "'duration'", "0", "'1h 2m 3s'"),
    ("1234.05", "'hours'", "1", "'1,234.1'"),
    ("null", "'count'", "0", "null"),
] -%}

with

quotients as (
    {%- for numerator, denominator, scale, expected in cases %}
    select
        cast({{ numerator }} as decimal(38, 6)) as numerator,
        cast({{ denominator }} as decimal(38, 6)) as denominator,
        {{ scale }} as scale,
        cast({{ expected }} as {{ dbt.type_string() }}) as expected
    {{- " union all" if not loop.last }}
    {%- endfor %}
),

ratios as (
    {%- for numerator, denominator, scale, expected in ratios %}
    select
        cast({{ numerator }} as decimal(38, 6)) as numerator,
        cast({{ denominator }} as decimal(38, 6)) as denominator,
        {{ scale }} as scale,
        '{{ expected }}' as expected
    {{- " union all" if not loop.last }}
    {%- endfor %}
),

texts as (
    {%- for value, unit, decimals, expected in texts %}
    select
        cast({{ value }} as decimal(38, 6)) as value,
        {{ unit }} as unit,
        {{ decimals }} as decimals,
        {{ expected }} as expected
    {{- " union all" if not loop.last }}
    {%- endfor %}
),

-- Each macro is called once for all cases: one call per case is 100,000 characters of SQL, minutes to lint.
outcomes as (
    select
        concat_ws(' ', numerator, '/', denominator, '*', scale) as claim,
        cast({{ rounded_quotient("numerator", "denominator", "scale") }} as {{ dbt.type_string() }}) as actual,
        expected
    from quotients
    union all
    select
        concat_ws(' ', 'ratio', numerator, '/', denominator, '*', scale) as claim,
        cast({{ ratio("numerator", "denominator", "scale") }} as {{ dbt.type_string() }}) as actual,
        expected
    from ratios
    union all
    select
        concat_ws(' ', 'display', value, unit) as claim,
        {{ display_value("value", "unit", "decimals") }} as actual,
        expected
    from texts
)

select * from outcomes
where coalesce(actual, 'null') <> coalesce(expected, 'null')
