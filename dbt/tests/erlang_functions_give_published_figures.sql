{#- Erlang's formulas at values that are in print, to the digits printed. The wide comparison with exact arithmetic
    is in tests/reference; this one also runs on any engine that builds the warehouse.

    losses: servers and the load at which 1 % of calls are lost. T. S. Rappaport, Wireless Communications, table 3.4;
    for 15 servers, printed to three decimals, https://erlang.com/calculatormanual/howmuchtrafficcanatrunkgrouphandle.htm.
    A load printed as 4.46 is one between 4.455 and 4.465.

    queues: operators, load, handle time and target, with the service level and the mean wait. 14 operators for 10
    erlangs: the example of https://www.callcentrehelper.com/erlang-c-formula-example-121281.htm, which
    https://pypi.org/project/pyworkforce gives as 0.88835. One and two doctors for 2 patients an hour, 20 minutes
    each, of whom 40.4 % and 2.2 % wait more than half an hour, and 2/3 and 1/24 hours on average: F. S. Hillier, G.
    J. Lieberman, Introduction to Operations Research, county hospital example of the chapter on queueing theory. -#}
{%- set losses = [
    (1, "0.0101", "0.00005"),
    (2, "0.153", "0.0005"),
    (4, "0.869", "0.0005"),
    (5, "1.36", "0.005"),
    (10, "4.46", "0.005"),
    (15, "8.108", "0.0005"),
    (20, "12.0", "0.05"),
    (24, "15.3", "0.05"),
    (40, "29.0", "0.05"),
    (70, "56.1", "0.05"),
    (100, "84.1", "0.05"),
] -%}
{%- set queues = [
    (14, "10", "180", "20", 3, "88.835", 1, "7.8"),
    (1, "2.0 / 3", "1200", "1800", 1, "59.6", 0, "2400"),
    (2, "2.0 / 3", "1200", "1800", 1, "97.7", 0, "150"),
] -%}
{%- set targets = [("10", "180", "20", "80", 14), ("0", "0", "20", "90", 1)] -%}

with
-- The linter cannot follow lambdas and the indentation of a loop.
-- noqa: disable=layout.indent,PRS

outcomes as (
    {%- for servers, load, half_a_digit in losses %}
    {%- for bound, sign, relation in [("least", "-", ">"), ("most", "+", "<")] %}
    select
        '{{ servers }} servers lose 1 % of {{ bound }} {{ load }} erlangs' as claim,
        case
            when {{ inverse_erlang_b(servers, "cast(" ~ load ~ " " ~ sign ~ " " ~ half_a_digit ~ " as decimal(38, 6))") }}
                {{ relation }} 100
                then 'true'
            else 'false'
        end as actual,
        'true' as expected
    union all
    {%- endfor %}
    {%- endfor %}
    {%- for operators, load, handle, target, level_digits, level, wait_digits, wait in queues %}
    {%- set erlangs = "cast(" ~ load ~ " as decimal(38, 6))" %}
    select
        'service level of {{ operators }} operators for {{ load }} erlangs' as claim,
        cast(
            cast({{ erlang_c_service_level_pct(operators, erlangs, handle, target) }} as decimal(38, {{ level_digits }}))
            as {{ dbt.type_string() }}
        ) as actual,
        '{{ level }}' as expected
    union all
    select
        'wait for {{ operators }} operators with {{ load }} erlangs' as claim,
        cast(
            cast({{ erlang_c_wait_seconds(operators, erlangs, handle) }} as decimal(38, {{ wait_digits }}))
            as {{ dbt.type_string() }}
        ) as actual,
        '{{ wait }}' as expected
    union all
    {%- endfor %}
    {%- for load, handle, target, level, operators in targets %}
    {%- set erlangs = "cast(" ~ load ~ " as decimal(38, 6))" %}
    select
        '{{ level }} % in {{ target }} s of {{ load }} erlangs' as claim,
        cast({{ least_operators(erlangs, handle, target, level) }} as {{ dbt.type_string() }}) as actual,
        '{{ operators }}' as expected
    {{- " union all" if not loop.last }}
    {%- endfor %}
)

select * from outcomes
where coalesce(actual, 'null') <> coalesce(expected, 'null')
