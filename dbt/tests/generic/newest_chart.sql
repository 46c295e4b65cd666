{#- Fails for every month of the table `whole` that has no chart of its own in the model, and for every row of a newest chart
    that is not what `whole` has for that month. -#}
{% test newest_chart(model, whole) %}

{%- set columns -%}
force_code, measure, month_start, value, mean, lower_limit, upper_limit, is_trial, signal, variation, assurance,
    is_target_met, target, points, baseline_start, is_provisional, share_of_days_loaded
{%- endset %}

with

charts as (

    select * from {{ model }}

),

whole_charts as (

    select * from {{ whole }}

),

newest as (

    select
        force_code,
        measure,
        max(month_start) as as_of_month
    from whole_charts
    group by all

),

newest_charts as (

    select charts.*
    from charts
    inner join newest
        on charts.force_code = newest.force_code
        and charts.measure = newest.measure
        and charts.as_of_month = newest.as_of_month

),

differing as (

    select {{ columns }} from newest_charts
    except
    select {{ columns }} from whole_charts

),

without_chart as (

    select
        force_code,
        measure,
        month_start
    from whole_charts
    except
    select
        force_code,
        measure,
        as_of_month
    from charts
    where as_of_month = month_start

)

select
    force_code,
    measure,
    month_start,
    'differs' as fault
from differing
union all
select
    force_code,
    measure,
    month_start,
    'has no chart' as fault
from without_chart

{% endtest %}
