{#- By the rules of int_measure_monthly. -#}
with

measures as (

    select * from {{ ref("measure_catalogue") }}
    where has_weekly_chart

),

gap_days as (select * from {{ ref("int_measure_gap_day") }}),

amount_values as (select * from {{ ref("int_amount_value") }}),

measure_sources as (

    select
        measures.measure,
        sources.source
    from measures
    inner join {{ ref("int_measure_source") }} as sources
        on measures.measure = sources.measure

),

silent_weeks as (

    select distinct
        measure,
        force_code,
        {{ week_start("day") }} as week_start
    from {{ ref("int_measure_silent_day") }}

),

weeks as (

    select distinct {{ week_start("date_day") }} as week_start
    from {{ ref("dim_date") }}

),

source_weeks as (

    select
        source,
        force_code,
        {{ week_start("day") }} as week_start,
        sum(case when is_loaded then 1 else 0 end) as days_loaded
    from {{ ref("int_source_day") }}
    group by all

),

delivered as (
    {{- measure_deliveries("measure_sources", "source_weeks", "weeks", "gap_days", "week_start") }}
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

)

select * from final
