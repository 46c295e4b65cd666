{#
    Erlang's formulas: how many operators a line needs, and how long its callers wait. They assume that calls arrive
    at random at an even rate, that call lengths are random (exponential), and that a caller waits until answered.

    `erlangs` is the load A, the operators that would be busy if there were no queue: calls per hour times hours of
    each. Times are seconds. All inputs and outputs are whole numbers or decimals, except in inverse_erlang_b.
    Intermediate values are doubles, the only ones in the project: exp() has no other form. Nothing is summed over
    rows, so the same load gives the same figure in any order.

    `n` and `state` are names used in the iteration below; columns of these names cannot be passed to these macros.
#}

{# Smallest number of operators with which the share of calls answered within target_seconds is service_level_pct or
   more, both to six decimals; 1 for calls that take no time. Null when an input is. #}
{% macro least_operators(erlangs, handle_seconds, target_seconds, service_level_pct) -%}
    {%- set inverse_b = next_inverse_b(erlangs, "state.inverse_b") -%}
    {%- set reached = service_level("n", erlangs, handle_seconds, target_seconds, inverse_b) -%}
    case
        when {{ erlangs }} = 0 then 1
        else {{ walk(
            last=most_operators(erlangs),
            initial=record({"inverse_b": "cast(1 as double)", "least": "cast(null as bigint)"}),
            step="case when state.least is not null then state else " ~ record({
                "inverse_b": inverse_b,
                "least": "case when n > " ~ erlangs ~ " then case when " ~ reached ~ " >= " ~ service_level_pct
                    ~ " then n end end",
            }) ~ " end",
        ) }}.least
    end
{%- endmacro %}


{# Percentage of calls that wait no longer than target_seconds for one of `operators`, as decimal(38, 6). Null when
   an input is, or when the operators do not exceed the load: the queue then grows without limit. #}
{% macro erlang_c_service_level_pct(operators, erlangs, handle_seconds, target_seconds) -%}
    case
        when {{ erlangs }} = 0 then cast(100 as decimal(38, 6))
        when {{ operators }} > {{ erlangs }}
            then {{ service_level(operators, erlangs, handle_seconds, target_seconds, inverse_erlang_b(operators, erlangs)) }}
    end
{%- endmacro %}


{# Mean seconds that a call waits, including calls answered at once, as decimal(38, 6). Null in the same cases. #}
{% macro erlang_c_wait_seconds(operators, erlangs, handle_seconds) -%}
    case
        when {{ erlangs }} = 0 then cast(0 as decimal(38, 6))
        when {{ operators }} > {{ erlangs }}
            then cast(
                {{ waiting(operators, erlangs, inverse_erlang_b(operators, erlangs)) }}
                * cast({{ handle_seconds }} as double) / cast({{ operators }} - {{ erlangs }} as double)
                as decimal(38, 6)
            )
    end
{%- endmacro %}


{# Inverse of the share of calls that would find all operators busy if no caller waited: 1 / B of Erlang's loss
   formula, by 1 / B(0) = 1 and 1 / B(n) = 1 + n / A * 1 / B(n - 1). A double of at least 1; for a load above zero. #}
{% macro inverse_erlang_b(operators, erlangs) -%}
    {{ walk(last=operators, initial="cast(1 as double)", step=next_inverse_b(erlangs, "state")) }}
{%- endmacro %}


{% macro next_inverse_b(erlangs, inverse_b) -%}
    1 + cast(n as double) / cast(nullif({{ erlangs }}, 0) as double) * {{ inverse_b }}
{%- endmacro %}


{# The share of calls that wait at all: C = B / (1 - A/n * (1 - B)), with 1 / B in place of B. A double. #}
{% macro waiting(operators, erlangs, inverse_b) -%}
    {%- set busy = "cast(" ~ erlangs ~ " as double) / cast(" ~ operators ~ " as double)" -%}
    1 / ({{ busy }} + (1 - {{ busy }}) * ({{ inverse_b }}))
{%- endmacro %}


{# 100 * (1 - C * exp(-(n - A) * T / H)) as decimal(38, 6). #}
{% macro service_level(operators, erlangs, handle_seconds, target_seconds, inverse_b) -%}
    cast(
        100 - 100 * ({{ waiting(operators, erlangs, inverse_b) }}) * exp(
            cast({{ erlangs }} - {{ operators }} as double)
            * cast({{ target_seconds }} as double) / cast(nullif({{ handle_seconds }}, 0) as double)
        )
        as decimal(38, 6)
    )
{%- endmacro %}


{# Number of operators that is enough for every target up to 100 % with any target_seconds: at most 5 in 10^9 calls
   wait, which six decimals do not show. The spread of the load is its square root; small loads need a few more. #}
{% macro most_operators(erlangs) -%}
    cast(ceil({{ erlangs }} + 6 * sqrt({{ erlangs }})) as bigint) + 12
{%- endmacro %}


{# Result of iterating n from 1 to `last` (at least 1): `state` starts as `initial` and becomes `step` each time. #}
{% macro walk(last, initial, step) -%}
    {{ return(adapter.dispatch("walk", "fcir")(last, initial, step)) }}
{%- endmacro %}


{# A struct of named expressions. #}
{% macro record(fields) -%}
    {{ return(adapter.dispatch("record", "fcir")(fields)) }}
{%- endmacro %}
