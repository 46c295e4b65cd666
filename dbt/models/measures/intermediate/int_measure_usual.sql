{#- A count is compared per day of its month. 377,580 is the least common multiple of 28, 29, 30 and 31, so that the
    comparison needs no division: `amount` is the value times `scale`, and amounts of all months compare exactly. -#}
{%- set key = ["force_code", "measure", "month_start"] -%}
{#- Usual steps from the median beyond which a month of the twelve is extreme, and no part of the usual. -#}
{%- set extreme = 5 -%}
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

measure_months as (

    select * from {{ ref("int_measure_span") }}
    where period = 'month'

),

measures as (select * from {{ ref("measure_catalogue") }}),

with_several_formulas as (

    select * from measure_months
    where measure = 'crime.pct_cancelled'

),

formulas as (
    {{- in_force("with_several_formulas", key, "month_start", ref("cancelled_crime_formulas"), [], ["formula"]) }}
),

judged as (

    select
        measure_months.*,
        {{ month_number("measure_months.month_start") }} as month_number,
        measures.better,
        measures.chart_type,
        coalesce(formulas.formula, '') as formula,
        case when {{ is_sum() }} then {{ int_div("377580", "measure_months.days") }} else 1 end as scale,
        measure_months.value is not null
        and not measure_months.is_provisional
        and measure_months.share_quarantined <= 1 as is_counted,
        -- Months from this one to March.
        mod(15 - extract(month from measure_months.month_start), 12) as months_left
    from measure_months
    inner join measures
        on measure_months.measure = measures.measure
    left join formulas
        on {{ same_columns("measure_months", "formulas", key) }}

),

months as (

    select
        *,
        cast(value * scale as decimal(38, 6)) as amount
    from judged

),

-- A moving range lies between two neighbouring months.
counted as (

    select
        *,
        case
            when month_number = 1 + lag(month_number) over formula_months
                then abs(amount - lag(amount) over formula_months)
        end as moving_range
    from months
    where is_counted
    window formula_months as (partition by force_code, measure, formula order by month_start asc nulls last)

),

-- Each month with all months before it that count.
earlier as (

    select
        months.force_code,
        months.measure,
        months.month_start,
        months.months_left,
        -- Two months that print the same are as extreme as each other.
        counted.amount >= months.amount or counted.display_value = months.display_value as is_as_high,
        counted.amount <= months.amount or counted.display_value = months.display_value as is_as_low,
        counted.month_start as earlier_month,
        counted.amount,
        counted.value,
        counted.denominator,
        counted.moving_range,
        months.month_number - counted.month_number as months_ago,
        months.month_number - counted.month_number <= 15
        and cast(row_number() over (
            partition by months.force_code, months.measure, months.month_start
            order by counted.month_start desc nulls last
        ) as bigint) <= 12 as is_recent
    from months
    inner join counted
        on {{ same_columns("months", "counted", ["force_code", "measure", "formula"]) }}
        and months.month_number > counted.month_number

),

ranked as (

    select
        *,
        cast(row_number() over (
            partition by {{ key | join(", ") }}, is_recent
            order by amount asc nulls last
        ) as bigint) as amount_no,
        cast(row_number() over (
            partition by {{ key | join(", ") }}
            order by moving_range asc nulls last
        ) as bigint) as range_no,
        count(moving_range) over (partition by {{ key | join(", ") }}) as ranges
    from earlier

),

-- How far each month is from the median of the twelve. Medians are doubled: that of an even number is half a sum of two.
centred as (

    select
        *,
        abs(2 * amount - sum(case when is_recent and amount_no in (6, 7) then amount end) over of_month) as distance_x2,
        case
            when ranges >= 11
                then sum({{ doubled_in_median("moving_range", "range_no", "ranges") | indent(20) }}) over of_month
        end as usual_step_x2
    from ranked
    window of_month as (partition by {{ key | join(", ") }})

),

-- One or two months of a crisis are no part of the usual.
compared as (

    select
        *,
        is_recent
        and not coalesce(
            distance_x2 > {{ extreme }} * usual_step_x2
            and cast(row_number() over (
                partition by {{ key | join(", ") }}, is_recent
                order by distance_x2 desc nulls last, earlier_month desc nulls last
            ) as bigint) <= 2,
            false
        ) as is_usual
    from centred

),

placed as (

    select
        *,
        cast(row_number() over (
            partition by {{ key | join(", ") }}, is_usual
            order by amount asc nulls last
        ) as bigint) as usual_no,
        count(*) over (partition by {{ key | join(", ") }}, is_usual) as usual_months
    from compared

),

summed as (

    select
        {{ key | join(",\n        ") }},
        count(case when is_recent then 1 end) as recent_months,
        sum(case when is_usual then {{ doubled_in_median("amount", "usual_no", "usual_months") | indent(12) }} end)
            as usual_x2,
        max(usual_step_x2) as usual_step_x2,
        max(case when months_ago = 1 then amount end) as previous_amount,
        max(case when is_as_high then earlier_month end) as high_before,
        max(case when is_as_low then earlier_month end) as low_before,
        min(value) as lowest_value,
        max(value) as highest_value,
        count(case when months_ago between 12 - months_left and 11 then denominator end) as rest_months,
        sum(case when months_ago between 12 - months_left and 11 then denominator end) as rest_denominator
    from placed
    group by {{ key | join(", ") }}

),

usual_months as (

    select
        months.*,
        coalesce(summed.recent_months, 0) = 12 as has_year_before,
        cast(case when summed.recent_months = 12 then summed.usual_x2 end as decimal(38, 6)) as usual_x2,
        cast(summed.usual_step_x2 as decimal(38, 6)) as usual_step_x2,
        summed.previous_amount,
        summed.high_before,
        summed.low_before,
        least(summed.lowest_value, case when months.is_counted then months.value end) as lowest_value,
        greatest(summed.highest_value, case when months.is_counted then months.value end) as highest_value,
        summed.rest_months,
        summed.rest_denominator
    from months
    left join summed
        on {{ same_columns("months", "summed", key) }}

)

select
    {%- for column in key + [
        "month_number", "formula", "display_value", "scale", "amount", "is_counted", "months_left", "has_year_before",
        "usual_x2", "usual_step_x2", "previous_amount", "high_before", "low_before", "lowest_value", "highest_value",
        "rest_months", "rest_denominator",
    ] %}
    {{ column }},
    {%- endfor %}
    -- Of a count, whether its quarantined rows would take it over a limit, or back.
    is_count
    and is_counted
    and better <> 'neither'
    and chart_type = 'judged'
    and usual_step_x2 > 0
    and {{ limit_passed("usual_months", "value") }} <> {{ limit_passed("usual_months", "value_high") }} as is_verdict_at_stake
from usual_months
