{%- set key = ["force_code", "measure", "month_start"] -%}
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

figures as (

    select * from {{ ref("kpi_measure_period") }}
    where period = 'month' and days_loaded > 0

),

measures as (select * from {{ ref("measure_catalogue") }}),

unloaded_days as (select * from {{ ref("int_measure_unloaded_day") }}),

-- Months after the one that is shown first.
running as (

    select
        figures.force_code,
        figures.measure,
        figures.month_start,
        figures.days
    from figures
    inner join {{ ref("report_months") }} as report_months
        on
            figures.force_code = report_months.force_code
            and figures.month_start = report_months.month_start
    inner join measures
        on figures.measure = measures.measure
    where
        report_months.is_running
        and measures.is_headline

),

formulas_in_force as (
    {{- in_force(
        "running", columns=key, day="month_start", list=ref("cancelled_crime_formulas"), key=[], values=["formula"]
    ) }}
),

loaded_days as (

    select
        running.*,
        dates.date_day as day,
        max(dates.date_day) over (partition by running.force_code, running.measure, running.month_start) as last_day
    from running
    inner join {{ ref("dim_date") }} as dates
        on running.month_start = dates.month_start
    left join unloaded_days
        on
            running.force_code = unloaded_days.force_code
            and running.measure = unloaded_days.measure
            and dates.date_day = unloaded_days.day
    where unloaded_days.day is null

),

-- The days themselves; the same weekdays a year before, and as few weeks before as are not of the month itself.
counted_days as (

    select
        loaded_days.force_code,
        loaded_days.measure,
        loaded_days.month_start,
        loaded_days.days as days_in_month,
        weeks.weeks,
        {{ date_plus("loaded_days.day", "-7 * weeks.weeks", "day") }} as day
    from loaded_days
    inner join (values (0), (4), (5), (52)) as weeks (weeks)
        on weeks.weeks in (0, 52, case when extract(day from loaded_days.last_day) > 28 then 5 else 4 end)

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
        min(case when figures.measure is not null and unloaded_days.day is null then 1 else 0 end) = 1 as is_whole,
        {{ sums_of_parts("part_days.amount") }}
    from counted_days
    left join formulas_in_force
        on
            {{ same_columns("counted_days", "formulas_in_force", key) }}
            and counted_days.measure = 'crime.pct_cancelled'
    inner join {{ ref("measure_parts") }} as measure_parts
        on
            coalesce('crime.' || formulas_in_force.formula, counted_days.measure) = measure_parts.measure
            and measure_parts.role in ('numerator', 'denominator')
    left join {{ ref("int_part_daily") }} as part_days
        on
            counted_days.force_code = part_days.force_code
            and counted_days.day = part_days.day
            and measure_parts.part = part_days.part
    left join figures
        on
            counted_days.force_code = figures.force_code
            and counted_days.measure = figures.measure
            and {{ month_start("counted_days.day") }} = figures.month_start
    left join unloaded_days
        on
            counted_days.force_code = unloaded_days.force_code
            and counted_days.measure = unloaded_days.measure
            and counted_days.day = unloaded_days.day
    group by
        {%- for column in key + ["days_in_month", "weeks"] %}
        counted_days.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}

),

shown as (

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

)

select
    so_far.force_code,
    so_far.measure,
    so_far.month_start,
    cast(so_far.days_in_month as bigint) as days,
    cast(so_far.days as bigint) as days_loaded,
    so_far.first_day,
    so_far.last_day,
    so_far.value,
    cast({{ display_value("so_far.value", "so_far.unit", "so_far.decimals") }} as {{ dbt.type_string() }})
        as display_value,
    so_far.per_day,
    cast(compared.weeks as bigint) as compared_weeks,
    compared.first_day as compared_first_day,
    compared.last_day as compared_last_day,
    compared.value as compared_value,
    cast({{ display_value("compared.value", "compared.unit", "compared.decimals") }} as {{ dbt.type_string() }})
        as compared_display_value,
    compared.per_day as compared_per_day,
    so_far.days < so_far.days_in_month as is_provisional
from shown as so_far
left join shown as compared
    on
        {{ same_columns("so_far", "compared", key) }}
        and so_far.compared_weeks = compared.weeks
where so_far.weeks = 0
