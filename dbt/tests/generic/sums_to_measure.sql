{#- Fails for every force and month in which a breakdown's `column` does not add up to the measure that it breaks down.
    `where` picks rows of a breakdown that holds several; `amount` is the side of the measure: value, or the numerator
    of one that is a quotient. -#}
{% test sums_to_measure(model, column, measure, where="true", amount="value") %}

with

broken_down as (

    select
        force_code,
        month_start,
        sum({{ column }}) as total
    from {{ model }}
    where {{ where }}
    group by
        force_code,
        month_start

),

measured as (

    select
        force_code,
        month_start,
        {{ amount }} as amount
    from {{ ref("kpi_measure_monthly") }}
    where measure = '{{ measure }}' and {{ amount }} is not null

)

select
    measured.force_code,
    measured.month_start,
    measured.amount,
    broken_down.total
from measured
full outer join broken_down
    on
        measured.force_code = broken_down.force_code
        and measured.month_start = broken_down.month_start
where coalesce(measured.amount, 0) <> coalesce(broken_down.total, 0)

{% endtest %}
