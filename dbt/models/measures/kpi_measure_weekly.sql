{#- By the rules of int_measure_monthly. -#}
with

measures as (select * from {{ ref("measure_catalogue") }}),

amount_values as (select * from {{ ref("int_amount_value") }}),

gap_days as (select * from {{ ref("int_measure_gap_day") }}),

silent_weeks as (

    select distinct
        measure,
        force_code,
        {{ week_start("day") }} as week_start
    from gap_days
    where column_name is not null

),

measure_sources as (select * from {{ ref("int_measure_source") }}),

source_weeks as (

    select
        source,
        force_code,
        {{ week_start("day") }} as week_start,
        sum(case when is_loaded then 1 else 0 end) as days_loaded
    from {{ ref("int_source_day") }}
    group by all

),

gap_weeks as (

    select
        measure,
        source,
        force_code,
        {{ week_start("day") }} as week_start,
        count(distinct day) as days
    from gap_days
    group by all

),

spans as (

    select
        measure_sources.measure,
        source_weeks.force_code,
        min(source_weeks.week_start) as first_week,
        max(source_weeks.week_start) as last_week
    from measure_sources
    inner join source_weeks
        on measure_sources.source = source_weeks.source
    where source_weeks.days_loaded > 0
    group by all

),

weeks as (select distinct {{ week_start("date_day") }} as week_start from {{ ref("dim_date") }}),

-- Of several sources, the one with the fewest days decides.
delivered as (

    select
        spans.measure,
        spans.force_code,
        weeks.week_start,
        cast(min(coalesce(source_weeks.days_loaded, 0) - coalesce(gap_weeks.days, 0)) as bigint) as days_loaded
    from spans
    inner join weeks
        on weeks.week_start between spans.first_week and spans.last_week
    inner join measure_sources
        on spans.measure = measure_sources.measure
    left join source_weeks
        on measure_sources.source = source_weeks.source
        and spans.force_code = source_weeks.force_code
        and weeks.week_start = source_weeks.week_start
    left join gap_weeks
        on spans.measure = gap_weeks.measure
        and measure_sources.source = gap_weeks.source
        and spans.force_code = gap_weeks.force_code
        and weeks.week_start = gap_weeks.week_start
    group by all

),

-- A week uses the formula and the target of its Monday.
summed as (
    {{- measure_sums("delivered", "week_start") }}
),

final as (

    select
        cast(summed.force_code as {{ dbt.type_string() }}) as force_code,
        cast(summed.measure as {{ dbt.type_string() }}) as measure,
        cast(summed.week_start as date) as week_start,
        {{ ratio("summed.numerator", "measures.numerator_divisor") }} as numerator,
        {{ ratio("summed.denominator", "measures.denominator_divisor") }} as denominator,
        case
            when summed.days_loaded > 0 and (silent_weeks.measure is null or {{ is_sum() }})
                then cast({{ figure("summed", "amount_values.value") | indent(16) }} as decimal(38, 6))
        end as value,
        cast(summed.target as decimal(38, 6)) as target,
        cast(summed.days_loaded < 7 as boolean) as is_provisional,
        {{ ratio("summed.days_loaded", "7", 100) }} as share_of_days_loaded
    from summed
    inner join measures
        on summed.measure = measures.measure
    left join silent_weeks
        on {{ same_columns("summed", "silent_weeks", ["force_code", "measure", "week_start"]) }}
    left join amount_values
        on
            {{ same_columns("summed", "amount_values", ["force_code", "measure"]) }}
            and summed.week_start = amount_values.first_day
            and amount_values.period = 'week'
    where measures.has_weekly_chart

)

select * from final
