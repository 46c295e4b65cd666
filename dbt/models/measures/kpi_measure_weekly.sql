{#- By the rules of int_measure_monthly. -#}
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

measures as (

    select * from {{ ref("measure_catalogue") }}
    where has_weekly_chart

),

measure_sources as (select * from {{ ref("int_measure_source") }}),

source_days as (

    select * from {{ ref("int_source_day") }}
    where is_loaded

),

gap_days as (select * from {{ ref("int_measure_gap_day") }}),

amount_values as (

    select * from {{ ref("int_amount_value") }}
    where period = 'week'

),

silent_weeks as (

    select distinct
        measure,
        force_code,
        {{ week_start("day") }} as week_start
    from gap_days
    where column_name is not null

),

source_weeks as (

    select
        measure_sources.measure,
        measure_sources.source,
        source_days.force_code,
        {{ week_start("source_days.day") }} as week_start,
        sum(case when gap_days.day is null then 1 else 0 end) as days_loaded
    from source_days
    inner join measure_sources
        on source_days.source = measure_sources.source
    left join gap_days
        on {{ same_columns("measure_sources", "gap_days", ["measure", "source"]) }}
        and {{ same_columns("source_days", "gap_days", ["force_code", "day"]) }}
    group by all

),

spans as (

    select
        source_weeks.measure,
        source_weeks.force_code,
        min(source_weeks.week_start) as first_week,
        max(source_weeks.week_start) as last_week
    from source_weeks
    inner join measures
        on source_weeks.measure = measures.measure
    group by all

),

weeks as (select distinct {{ week_start("date_day") }} as week_start from {{ ref("dim_date") }}),

-- Of several sources, the one with the fewest days decides.
delivered as (

    select
        spans.measure,
        spans.force_code,
        weeks.week_start,
        cast(min(coalesce(source_weeks.days_loaded, 0)) as bigint) as days_loaded
    from spans
    inner join weeks
        on weeks.week_start between spans.first_week and spans.last_week
    inner join measure_sources
        on spans.measure = measure_sources.measure
    left join source_weeks
        on {{ same_columns("measure_sources", "source_weeks", ["measure", "source"]) }}
        and spans.force_code = source_weeks.force_code
        and weeks.week_start = source_weeks.week_start
    group by all

),

-- A week uses the formula and the target of its Monday.
summed as (
    {{- measure_sums("delivered", "week_start") }}
)

select
    summed.force_code,
    summed.measure,
    summed.week_start,
    {{ ratio("summed.numerator", "measures.numerator_divisor") }} as numerator,
    {{ ratio("summed.denominator", "measures.denominator_divisor") }} as denominator,
    case
        when summed.days_loaded > 0 and (silent_weeks.measure is null or {{ is_sum() }})
            then {{ figure("summed", "amount_values.value") | indent(12) }}
    end as value,
    summed.target,
    summed.days_loaded < 7 as is_provisional,
    {{ ratio("summed.days_loaded", "7", 100) }} as share_of_days_loaded
from summed
inner join measures
    on summed.measure = measures.measure
left join silent_weeks
    on {{ same_columns("summed", "silent_weeks", ["force_code", "measure", "week_start"]) }}
left join amount_values
    on {{ same_columns("summed", "amount_values", ["force_code", "measure"]) }}
    and summed.week_start = amount_values.first_day
