{#- What models of crimes have in common. -#}

{#- Whether a crime was cancelled because it was transferred to another force; false without a code. -#}
{% macro is_transfer(cancel_code="cancel_code") -%}
    coalesce({{ cancel_code }} = 'C1', false)
{%- endmacro %}

{#- Query: crimes by force, month and the given columns, in the months with deliveries of a measure. `columns` and `counts`
    are expressions over a row of int_crime_event by the name of their column; `events` is a condition on it. -#}
{% macro crimes_by_month(columns, counts, events="true", measure="'crime.cancelled_crime'") %}
with

crimes as (

    select
        force_code,
        {{ month_start("event_date") }} as month_start,
        {%- for name, column in columns.items() %}
        {{ column }} as {{ name }},
        {%- endfor %}
        {%- for name, amount in counts.items() %}
        cast(sum({{ amount }}) as bigint) as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ ref("int_crime_event") }}
    where {{ events }}
    group by all

)

select
    crimes.*,
    deliveries.is_provisional,
    deliveries.share_of_days_loaded
from crimes
inner join {{ ref("int_measure_delivery") }} as deliveries
    on {{ same_columns("crimes", "deliveries", ["force_code", "month_start"]) }}
    and deliveries.measure = {{ measure }}
    and deliveries.days_loaded > 0
{% endmacro %}
