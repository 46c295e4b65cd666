{#- Fails for every force and month in which a breakdown's `column` does not add up to the measure that it breaks down.
    `of` is the table of the subject's measures. `where` picks the rows that do, of a table that breaks down several figures. -#}
{% test sums_to_measure(model, column, measure, of, where="true") %}

with

broken_down as (

    select
        force_code,
        month_start,
        sum({{ column }}) as total
    from {{ model }}
    where {{ where }}
    group by all

),

measured as (

    select
        force_code,
        month_start,
        value
    from {{ of }}
    where measure = '{{ measure }}' and value is not null

)

select
    measured.force_code,
    measured.month_start,
    measured.value,
    broken_down.total
from measured
full outer join broken_down
    on
        measured.force_code = broken_down.force_code
        and measured.month_start = broken_down.month_start
where coalesce(measured.value, 0) <> coalesce(broken_down.total, 0)

{% endtest %}
