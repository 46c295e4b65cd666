{%- set key = ["force_code", "measure", "month_start"] -%}
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

measures as (select * from {{ ref("measure_catalogue") }}),

loaded_days as (

    select measure_days.*
    from {{ ref("int_measure_day") }} as measure_days
    inner join measures
        on measure_days.measure = measures.measure
    where measures.headline_order is not null

),

-- Months after the one that is shown first.
running_months as (

    select * from {{ ref("report_months") }}
    where is_running

),

running_days as (

    select
        loaded_days.*,
        running_months.month_start,
        running_months.days as days_in_month,
        max(loaded_days.day) over (
            partition by loaded_days.force_code, loaded_days.measure, running_months.month_start
        ) as last_day
    from loaded_days
    inner join running_months
        on loaded_days.force_code = running_months.force_code
        and {{ month_start("loaded_days.day") }} = running_months.month_start

),

-- The days themselves; the same weekdays a year before, and as few weeks before as are not of the month itself.
counted_days as (

    select
        running_days.force_code,
        running_days.measure,
        running_days.month_start,
        running_days.days_in_month,
        weeks.weeks,
        {{ date_plus("running_days.day", "-7 * weeks.weeks", "day") }} as day
    from running_days
    inner join (values (0), (4), (5), (52)) as weeks (weeks)
        on weeks.weeks in (0, 52, case when extract(day from running_days.last_day) > 28 then 5 else 4 end)

),

formulas_in_force as (
    {{- in_force(
        "running_months", columns=["force_code", "month_start"], day="month_start", list=ref("cancelled_crime_formulas"),
        key=[], values=["formula"]
    ) }}
),

-- All use the formula of the running month, so that a change of formula does not show as a change of the figure.
summed as (

    select
        counted_days.force_code,
        counted_days.measure,
        counted_days.month_start,
        counted_days.days_in_month,
        counted_days.weeks,
        min(counted_days.day) as first_day,
        max(counted_days.day) as last_day,
        count(distinct counted_days.day) as days,
        count(*) = count(loaded_days.day) as is_whole,
        {{ sums_of_parts("part_days.amount") }}
    from counted_days
    left join formulas_in_force
        on {{ same_columns("counted_days", "formulas_in_force", ["force_code", "month_start"]) }}
        and counted_days.measure = 'crime.pct_cancelled'
    inner join {{ ref("measure_parts") }} as measure_parts
        on coalesce('crime.' || formulas_in_force.formula, counted_days.measure) = measure_parts.measure
        and measure_parts.role in ('numerator', 'denominator')
    left join {{ ref("int_part_daily") }} as part_days
        on {{ same_columns("counted_days", "part_days", ["force_code", "day"]) }}
        and measure_parts.part = part_days.part
    left join loaded_days
        on {{ same_columns("counted_days", "loaded_days", ["force_code", "measure", "day"]) }}
    group by
        {%- for column in key + ["days_in_month", "weeks"] %}
        counted_days.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}

),

figures as (

    select
        summed.*,
        {{ ratio(figure_numerator("summed"), figure_denominator("summed")) }} as value,
        case
            when {{ is_sum() }}
                then {{ ratio(figure_numerator("summed"), figure_denominator("summed") ~ " * summed.days") }}
        end as per_day,
        max(case when summed.weeks > 0 and summed.is_whole then summed.weeks end) over (
            partition by summed.force_code, summed.measure, summed.month_start
        ) as compared_weeks,
        measures.unit,
        measures.decimals
    from summed
    inner join measures
        on summed.measure = measures.measure

),

shown as (

    select
        *,
        {{ display_value("value", "unit", "decimals") }} as display_value
    from figures

)

select
    {{ key | join(",\n    ") }},
    days_in_month as days,
    max(case when weeks = 0 then days end) as days_loaded,
    cast(compared_weeks as bigint) as compared_weeks,
    {%- for column in ["first_day", "last_day", "value", "display_value", "per_day"] %}
    max(case when weeks = 0 then {{ column }} end) as {{ column }},
    max(case when weeks = compared_weeks then {{ column }} end) as compared_{{ column }},
    {%- endfor %}
    max(case when weeks = 0 then days end) < days_in_month as is_provisional
from shown
group by
    {{ key | join(",\n    ") }},
    days_in_month,
    compared_weeks
