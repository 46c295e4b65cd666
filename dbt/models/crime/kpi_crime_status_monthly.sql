with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

changes as (select * from {{ ref("int_crime_change_monthly") }}),

months as (

    select * from {{ ref("int_measure_delivery") }}
    where measure = 'crime.recorded_crime'

),

kinds as (

    {%- for kind in crime_change_kinds() %}
    {% if not loop.first %}union all{% endif %}
    select '{{ kind }}' as change
    {%- endfor %}

)

select
    months.force_code,
    months.month_start,
    kinds.change,
    case when months.days_loaded > 0 then coalesce(changes.states, 0) end as states,
    case when months.days_loaded > 0 then coalesce(changes.crimes, 0) end as crimes,
    months.is_provisional,
    months.share_of_days_loaded
from months
cross join kinds
left join changes
    on {{ same_columns("months", "changes", ["force_code", "month_start"]) }}
    and kinds.change = changes.change
