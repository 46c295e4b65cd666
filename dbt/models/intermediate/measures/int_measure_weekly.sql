{#- Weeks of the measures that have weekly charts, by the rules of int_measure_monthly. -#}
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
with

measures as (

    select * from {{ ref("measure_catalogue") }}
    where has_weekly_chart

),

measure_parts as (

    select * from {{ ref("measure_parts") }}

),

measure_sources as (

    select * from {{ ref("int_measure_source") }}

),

source_days as (

    select * from {{ ref("int_source_day") }}

),

formulas as (

    select
        force_code,
        'crime.pct_cancelled' as measure,
        valid_from,
        valid_to,
        concat('crime.', formula) as formula
    from {{ ref("cancelled_crime_formulas") }}

),

targets as (

    select * from {{ ref("measure_targets") }}

),

part_days as (

    select * from {{ ref("int_part_daily") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

weeks as (

    select
        date_day,
        {{ date_plus("date_day", "1 - day_of_week", "day") }} as week_start
    from dates

),

week_starts as (

    select distinct week_start
    from weeks

),

source_weeks as (

    select
        source_days.source,
        source_days.force_code,
        weeks.week_start,
        sum(case when source_days.is_loaded then 1 else 0 end) as days_loaded
    from source_days
    inner join weeks
        on source_days.day = weeks.date_day
    group by
        source_days.source,
        source_days.force_code,
        weeks.week_start

),

-- From the first to the last week in which any source of the measure was delivered for the force.
spans as (

    select
        measures.measure,
        source_weeks.force_code,
        min(source_weeks.week_start) as first_week,
        max(source_weeks.week_start) as last_week
    from measures
    inner join measure_sources
        on measures.measure = measure_sources.measure
    inner join source_weeks
        on measure_sources.source = source_weeks.source
    where source_weeks.days_loaded > 0
    group by
        measures.measure,
        source_weeks.force_code

),

cells as (

    select
        spans.force_code,
        spans.measure,
        week_starts.week_start,
        cast(min(coalesce(source_weeks.days_loaded, 0)) as bigint) as days_loaded
    from spans
    inner join week_starts
        on spans.first_week <= week_starts.week_start and spans.last_week >= week_starts.week_start
    inner join measure_sources
        on spans.measure = measure_sources.measure
    left join source_weeks
        on
            measure_sources.source = source_weeks.source
            and spans.force_code = source_weeks.force_code
            and week_starts.week_start = source_weeks.week_start
    group by
        spans.force_code,
        spans.measure,
        week_starts.week_start

),

part_weeks as (

    select
        part_days.force_code,
        weeks.week_start,
        part_days.part,
        sum(part_days.amount) as amount
    from part_days
    inner join weeks
        on part_days.day = weeks.date_day
    group by
        part_days.force_code,
        weeks.week_start,
        part_days.part

),

-- A week takes the formula and the target of its Monday.
dated_formulas as (
    {{- in_force(
        "cells",
        columns=["force_code", "measure", "week_start"],
        day="week_start",
        list="formulas",
        key=["measure"],
        values=["formula"],
    ) }}
),

dated_targets as (
    {{- in_force(
        "cells",
        columns=["force_code", "measure", "week_start"],
        day="week_start",
        list="targets",
        key=["measure"],
        values=["target"],
    ) }}
),

resolved as (

    select
        cells.*,
        coalesce(dated_formulas.formula, cells.measure) as formula_measure
    from cells
    left join dated_formulas
        on
            cells.force_code = dated_formulas.force_code
            and cells.measure = dated_formulas.measure
            and cells.week_start = dated_formulas.week_start

),

summed as (

    select
        resolved.force_code,
        resolved.measure,
        resolved.week_start,
        resolved.formula_measure,
        resolved.days_loaded,
        {%- for role in ["numerator", "denominator"] %}
        sum(
            case
                when measure_parts.role = '{{ role }}' then measure_parts.weight * coalesce(part_weeks.amount, 0)
            end
        ) as {{ role }}{{ "," if not loop.last }}
        {%- endfor %}
    from resolved
    left join measure_parts
        on resolved.formula_measure = measure_parts.measure
    left join part_weeks
        on
            resolved.force_code = part_weeks.force_code
            and resolved.week_start = part_weeks.week_start
            and measure_parts.part = part_weeks.part
    where resolved.days_loaded > 0
    group by
        resolved.force_code,
        resolved.measure,
        resolved.week_start,
        resolved.formula_measure,
        resolved.days_loaded

),

final as (

    select
        cells.force_code,
        cells.measure,
        cells.week_start,
        {{ ratio("summed.numerator", "measures.numerator_divisor") }} as numerator,
        {{ ratio("summed.denominator", "measures.denominator_divisor") }} as denominator,
        {{ ratio(
            "summed.numerator * measures.factor * measures.denominator_divisor",
            "coalesce(summed.denominator, 1) * measures.numerator_divisor",
        ) }} as value,
        cells.days_loaded < 7 as is_provisional,
        {{ ratio("cells.days_loaded", "7", 100) }} as share_of_days_loaded,
        dated_targets.target
    from cells
    inner join measures
        on cells.measure = measures.measure
    left join summed
        on
            cells.force_code = summed.force_code
            and cells.measure = summed.measure
            and cells.week_start = summed.week_start
    left join dated_targets
        on
            cells.force_code = dated_targets.force_code
            and cells.measure = dated_targets.measure
            and cells.week_start = dated_targets.week_start

)

select * from final
