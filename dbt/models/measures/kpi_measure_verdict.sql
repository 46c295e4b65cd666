{#- A step is compared with so many thousandths of the usual step: the limit of charts of moving ranges by their median,
    after Wheeler. -#}
{%- set one_step = 3865 -%}
{%- set key = ["force_code", "measure", "month_start"] -%}
with

usual_months as (select * from {{ ref("int_measure_usual") }}),

measure_months as (select * from {{ ref("kpi_measure_monthly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

years_to_date as (

    select * from {{ ref("kpi_measure_period") }}
    where period = 'fytd'

),

subtracting as (

    select distinct measure
    from {{ ref("measure_parts") }}
    where role = 'numerator' and weight < 0

),

months as (

    select
        usual_months.*,
        measure_months.numerator,
        measure_months.denominator,
        measure_months.value,
        measure_months.target,
        measure_months.is_provisional,
        measure_months.share_of_days_loaded,
        measures.better,
        measures.unit,
        measures.decimals,
        measures.factor,
        measures.chart_type,
        usual_months.is_counted and not measure_months.is_affected_by_quarantine as is_judged,
        case
            when usual_months.is_counted and not measure_months.is_affected_by_quarantine
                then {{ is_target_met("measure_months.value", "measure_months.target", "measures.better") | indent(16) }}
        end as is_target_met
    from usual_months
    inner join measure_months
        on {{ same_columns("usual_months", "measure_months", key) }}
    inner join measures
        on usual_months.measure = measures.measure

),

compared as (

    select
        months.*,
        months.chart_type = 'judged' as has_usual,
        subtracting.measure is null as has_floor,
        2000 * months.scale as divisor,
        {{ usual_limit("months", "-") }} as low,
        {{ usual_limit("months", "+") }} as high,
        months.is_judged
        and months.usual_step_x2 > 0
        and months.chart_type = 'judged'
        and months.better <> 'neither'
        and months.display_value <> {{ display_value(
            ratio("months.usual_x2", "2 * months.scale"), "months.unit", "months.decimals"
        ) | indent(8) }} as has_verdict,
        months.is_judged and months.has_year_before and months.chart_type <> 'cohort' as has_records,
        coalesce(months.high_before < {{ date_plus("months.month_start", -12, "month") }}, true) as is_high,
        coalesce(months.low_before < {{ date_plus("months.month_start", -12, "month") }}, true) as is_low,
        12 - months.months_left as months_done,
        months.factor * years_to_date.numerator as year_numerator,
        years_to_date.denominator as year_denominator,
        years_to_date.value as year_value,
        months.factor * months.numerator as month_numerator,
        months.denominator as month_denominator,
        -- The denominators of the rest of the year, times the months so far: last year's, or the mean of those so far.
        case
            when months.rest_months = months.months_left
                then months.rest_denominator * (12 - months.months_left)
            when months.rest_months > 0 then years_to_date.denominator * months.months_left
        end as rest_denominators,
        months.better <> 'neither'
        and years_to_date.denominator is not null
        and years_to_date.value is not null
        and not years_to_date.is_provisional
        and not years_to_date.is_affected_by_quarantine as has_year,
        count(months.is_target_met) over last_12 as months_with_target,
        sum(case when months.is_target_met then 1 else 0 end) over last_12 as months_met
    from months
    left join years_to_date
        on {{ same_columns("months", "years_to_date", key) }}
    left join subtracting
        on months.measure = subtracting.measure
    window last_12 as (
        partition by months.force_code, months.measure, months.formula
        order by months.month_number asc nulls last
        range between 11 preceding and current row
    )

),

-- What the rest of the year needs is target + missing / rest_denominators, or less at a greater number of events.
needs as (

    select
        *,
        cast((target * year_denominator - year_numerator) * months_done as decimal(38, 6)) as missing,
        cast(target * rest_denominators as decimal(38, 6)) as targeted,
        coalesce(has_year and target is not null and (months_left = 0 or rest_denominators > 0), false) as has_need
    from compared

),

-- The numbers of a year differ by a quarter at most: what holds at five quarters of last year's holds below it too.
rest as (

    select
        *,
        case when has_need and months_left > 0 then {{ ratio("targeted + missing", "rest_denominators") }} end as need,
        case
            when not has_need then null
            when months_left = 0
                then case when {{ is_target_met("year_value", "target") }} then 'met' else 'missed' end
            when 4 * missing <= -5 * targeted
                then case better when 'lower' then 'cannot_be_met' else 'certain' end
            when unit = 'percent' and 4 * missing + 5 * targeted >= 500 * rest_denominators
                then case better when 'lower' then 'certain' else 'cannot_be_met' end
            when targeted + missing <= 0
                then case better
                    when 'lower' then 'not_at_last_years_number' else 'certain_at_last_years_number'
                end
            when unit = 'percent' and targeted + missing >= 100 * rest_denominators
                then case better
                    when 'lower' then 'certain_at_last_years_number' else 'not_at_last_years_number'
                end
            when better = 'lower' and lowest_value * rest_denominators >= targeted + missing then 'never_reached'
            when better = 'higher' and highest_value * rest_denominators <= targeted + missing then 'never_reached'
            else 'open'
        end as state
    from needs

)

select
    force_code,
    measure,
    month_start,
    value,
    case when has_usual then {{ ratio("usual_x2", "2 * scale") }} end as usual,
    case when has_usual then {{ ratio("usual_step_x2", "2 * scale") }} end as usual_step,
    case when has_usual then {{ ratio("case when has_floor and low < 0 then 0 else low end", "divisor") }} end
        as lower_limit,
    case
        when has_usual
            then {{ ratio("case when unit = 'percent' and high > 100 * divisor then 100 * divisor else high end", "divisor") }}
    end as upper_limit,
    case
        when has_verdict and 2000 * amount > high then case better when 'higher' then 'better' else 'worse' end
        when has_verdict and 2000 * amount < low then case better when 'lower' then 'better' else 'worse' end
    end as verdict,
    case when has_verdict then 2000 * abs(amount - previous_amount) > {{ one_step }} * usual_step_x2 end as is_step,
    case when has_records then is_high end as is_record_high,
    case when has_records then is_low end as is_record_low,
    case when has_records and is_high then high_before when has_records and is_low then low_before end as record_since,
    target,
    is_target_met,
    case when months_with_target = 12 then cast(months_met as bigint) end as met_of_last_12,
    need as rest_of_year_need,
    state as rest_of_year_state,
    case
        when has_year and has_usual and months_left between 1 and months_done
            then {{ ratio(
                "year_numerator + months_left * month_numerator",
                "year_denominator + months_left * month_denominator",
            ) | indent(16) }}
    end as year_like_month,
    is_provisional,
    share_of_days_loaded
from rest
