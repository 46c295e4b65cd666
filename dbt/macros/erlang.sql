{#-
    Query: Erlang C for each row of `loads`, with the columns of the row, and each number of `operators` above its load
    that may be needed: `service_level_pct`, the percentage of calls that wait no longer than the target, and
    `wait_seconds`, the mean wait of all calls. Both are decimal(38, 6). It is assumed that calls arrive at random at an
    even rate, that call lengths are random (exponential), and that a caller waits until answered.

    `loads` has no row twice and the columns offered_erlangs (operators that would be busy if there were no queue:
    calls per hour times hours of each), avg_handle_seconds, answer_target_seconds and service_level_target_pct.

    With p(n) the probability of n calls at once if none waited (Poisson's), a call waits for one of n operators with
    the probability n * p(n) / (n * p(n) + (n - load) * (p(0) + ... + p(n - 1))). Doubles, since exp() and ln() have no
    other form; what is summed over rows is cast to decimals, so that the order of the rows does not matter. A load or a
    handle time of 0 counts as 10^-9, which six decimals do not show.
-#}
{% macro erlang_c(loads) %}
    {%- set above_zero = "greatest(cast({} as double), 1e-9)".format %}
    {%- set spare = "cast(operators - offered_erlangs as double)" %}
    select
        *,
        cast(
            100 - 100 * waiting * exp(-{{ spare }} * answer_target_seconds / {{ above_zero("avg_handle_seconds") }})
            as decimal(38, 6)
        ) as service_level_pct,
        cast(waiting * cast(avg_handle_seconds as double) / {{ spare }} as decimal(38, 6)) as wait_seconds
    from (
        select
            *,
            operators * share / (operators * share + {{ spare }} * cast(sum(cast(share as decimal(38, 18))) over (
                partition by offered_erlangs, avg_handle_seconds, answer_target_seconds, service_level_target_pct
                order by operators asc nulls last
                rows between unbounded preceding and 1 preceding
            ) as double)) as waiting
        from (
            select
                loads.*,
                factorials.number as operators,
                exp(
                    factorials.number * ln({{ above_zero("loads.offered_erlangs") }})
                    - cast(loads.offered_erlangs as double) - cast(factorials.ln_factorial as double)
                ) as share
            from {{ loads }} as loads
            inner join (
                select
                    number,
                    sum(cast(ln(greatest(number, 1)) as decimal(38, 18))) over (
                        order by number asc nulls last
                        rows between unbounded preceding and current row
                    ) as ln_factorial
                from (
                    select {{ whole_numbers(0, most_operators("max(offered_erlangs)")) }} as number
                    from {{ loads }}
                ) as numbers
            ) as factorials
                on factorials.number <= {{ most_operators("loads.offered_erlangs") }}
        ) as shares
    ) as queues
    where operators > offered_erlangs
{% endmacro %}

{#- Number of operators that is enough for every target up to 100 % with any target_seconds: at most 5 in 10^9 calls
    wait, which six decimals do not show. The spread of the load is its square root; small loads need a few more. -#}
{% macro most_operators(erlangs) -%}
    cast(ceil({{ erlangs }} + 6 * sqrt({{ erlangs }})) as bigint) + 12
{%- endmacro %}
