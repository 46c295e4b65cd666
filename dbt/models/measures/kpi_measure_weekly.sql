{#- By the rules of int_measure_monthly. -#}
with

measures as (select * from {{ ref("measure_catalogue") }}),

amount_values as (select * from {{ ref("int_amount_value") }}),

silent_weeks as (

    select distinct
        measure,
        force_code,
        {{ week_start("day") }} as week_start
    from {{ ref("int_measure_silent_day") }}

),

delivered as (
    {{- measure_deliveries("week_start") }}
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
