{#- Erlang's formulas at values that are in print, to the digits printed, on any engine that builds the warehouse.

    losses: servers and the load at which 1 % of calls are lost. T. S. Rappaport, Wireless Communications, table 3.4;
    for 15 servers, printed to three decimals, https://erlang.com/calculatormanual/howmuchtrafficcanatrunkgrouphandle.htm.
    A load printed as 4.46 is one between 4.455 and 4.465.

    queues: operators, load, handle time and target, with the service level and the mean wait. 14 operators for 10
    erlangs: the example of https://www.callcentrehelper.com/erlang-c-formula-example-121281.htm, which
    https://pypi.org/project/pyworkforce gives as 0.88835. One and two doctors for 2 patients an hour, 20 minutes
    each, of whom 40.4 % and 2.2 % wait more than half an hour, and 2/3 and 1/24 hours on average: F. S. Hillier, G.
    J. Lieberman, Introduction to Operations Research, county hospital example of the chapter on queueing theory.

    targets: load, handle time, target and service level, with the fewest operators. -#}
{%- set losses = [
    (1, "0.0101", "0.00005"),
    (4, "0.869", "0.0005"),
    (10, "4.46", "0.005"),
    (15, "8.108", "0.0005"),
    (40, "29.0", "0.05"),
    (100, "84.1", "0.05"),
] -%}
{%- set queues = [
    (14, "10", "180", "20", 3, "88.835", 1, "7.8"),
    (1, "2.0 / 3", "1200", "1800", 1, "59.6", 0, "2400"),
    (2, "2.0 / 3", "1200", "1800", 1, "97.7", 0, "150"),
] -%}
{%- set targets = [("10", "180", "20", "80", 14), ("0", "0", "20", "90", 1)] -%}

-- The linter cannot follow lambdas and the indentation of a loop.
-- noqa: disable=layout.indent,PRS
{%- set outcomes = [] -%}
{%- for servers, load, half_a_digit in losses -%}
    {%- for bound, sign, relation in [("least", "-", ">"), ("most", "+", "<")] -%}
        {%- set erlangs = "cast(" ~ load ~ " " ~ sign ~ " " ~ half_a_digit ~ " as decimal(38, 6))" -%}
        {%- set is_as_printed = inverse_erlang_b(servers, erlangs) ~ " " ~ relation ~ " 100" -%}
        {%- do outcomes.append((servers ~ " servers lose 1 % of " ~ bound ~ " " ~ load, is_as_printed, "true")) -%}
    {%- endfor -%}
{%- endfor -%}
{%- for operators, load, handle, target, level_digits, level, wait_digits, wait in queues -%}
    {%- set erlangs = "cast(" ~ load ~ " as decimal(38, 6))" -%}
    {%- set shown_level = erlang_c_service_level_pct(operators, erlangs, handle, target) -%}
    {%- set shown_wait = erlang_c_wait_seconds(operators, erlangs, handle) -%}
    {%- set digits = "cast({} as decimal(38, {}))" -%}
    {%- do outcomes.append((operators ~ " operators: level", digits.format(shown_level, level_digits), level)) -%}
    {%- do outcomes.append((operators ~ " operators: wait", digits.format(shown_wait, wait_digits), wait)) -%}
{%- endfor -%}
{%- for load, handle, target, level, operators in targets -%}
    {%- set fewest = least_operators("cast(" ~ load ~ " as decimal(38, 6))", handle, target, level) -%}
    {%- do outcomes.append((level ~ " % of " ~ load ~ " erlangs", fewest, operators)) -%}
{%- endfor %}

with

outcomes as (
    {%- for claim, actual, expected in outcomes %}
    select
        '{{ claim }}' as claim,
        cast({{ actual }} as {{ dbt.type_string() }}) as actual,
        '{{ expected }}' as expected
    {{- " union all" if not loop.last }}
    {%- endfor %}
)

select * from outcomes
where actual is distinct from expected
