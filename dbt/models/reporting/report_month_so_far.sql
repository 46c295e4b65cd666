with

report_months as (

    select * from {{ ref("report_months") }}

),

measure_months as (

    select * from {{ ref("int_measure_monthly") }}

),

measures as (

    select * from {{ ref("measure_catalogue") }}

),

measure_parts as (

    select * from {{ ref("measure_parts") }}

),

part_days as (

    select * from {{ ref("int_part_daily") }}

),

unloaded_days as (

    select * from {{ ref("int_measure_unloaded_day") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

months as (

    select
        measure_months.force_code,
        measure_months.measure,
        measure_months.month_start,
        measure_months.formula_measure,
        measure_months.days_in_month
    from measure_months
    inner join report_months
        on measure_months.force_code = report_months.force_code
        and measure_months.month_start = report_months.month_start
    inner join measures
        on measure_months.measure = measures.measure
    where
        report_months.is_running
        and measures.is_headline
        and measures.is_additive
        and measure_months.is_delivered

),

days as (

    select
        months.force_code,
        months.measure,
        months.month_start,
        dates.date_day as day
    from months
    inner join dates
        on months.month_start = dates.month_start
    left join unloaded_days
        on months.force_code = unloaded_days.force_code
        and months.measure = unloaded_days.measure
        and dates.date_day = unloaded_days.day
    where unloaded_days.day is null

),

spans as (

    select
        force_code,
        measure,
        month_start,
        min(day) as first_day,
        max(day) as last_day,
        count(*) as days_loaded
    from days
    group by
        force_code,
        measure,
        month_start

),

-- Whole weeks, so that each day is compared with the same weekday: a year before, else as few as reach before the month.
weeks as (

    select
        force_code,
        measure,
        month_start,
        52 as weeks
    from spans

    union all

    select
        force_code,
        measure,
        month_start,
        case when extract(day from last_day) > 28 then 5 else 4 end as weeks
    from spans

),

compared_days as (

    select
        days.force_code,
        days.measure,
        days.month_start,
        weeks.weeks,
        {{ date_plus("days.day", "-7 * weeks.weeks", "day") }} as day
    from days
    inner join weeks
        on days.force_code = weeks.force_code
        and days.measure = weeks.measure
        and days.month_start = weeks.month_start

),

compared_spans as (

    select
        compared_days.force_code,
        compared_days.measure,
        compared_days.month_start,
        compared_days.weeks,
        min(compared_days.day) as first_day,
        max(compared_days.day) as last_day,
        count(*) as days_loaded
    from compared_days
    inner join measure_months
        on compared_days.force_code = measure_months.force_code
        and compared_days.measure = measure_months.measure
        and {{ month_start("compared_days.day") }} = measure_months.month_start
    left join unloaded_days
        on compared_days.force_code = unloaded_days.force_code
        and compared_days.measure = unloaded_days.measure
        and compared_days.day = unloaded_days.day
    where
        measure_months.is_delivered
        and unloaded_days.day is null
    group by
        compared_days.force_code,
        compared_days.measure,
        compared_days.month_start,
        compared_days.weeks

),

-- Only with days that are all delivered.
chosen as (

    select
        compared_spans.force_code,
        compared_spans.measure,
        compared_spans.month_start,
        max(compared_spans.weeks) as weeks
    from compared_spans
    inner join spans
        on compared_spans.force_code = spans.force_code
        and compared_spans.measure = spans.measure
        and compared_spans.month_start = spans.month_start
        and compared_spans.days_loaded = spans.days_loaded
    group by
        compared_spans.force_code,
        compared_spans.measure,
        compared_spans.month_start

),

counted_days as (

    select
        force_code,
        measure,
        month_start,
        0 as weeks,
        day
    from days

    union all

    select
        compared_days.force_code,
        compared_days.measure,
        compared_days.month_start,
        compared_days.weeks,
        compared_days.day
    from compared_days
    inner join chosen
        on compared_days.force_code = chosen.force_code
        and compared_days.measure = chosen.measure
        and compared_days.month_start = chosen.month_start
        and compared_days.weeks = chosen.weeks

),

-- The formula of the running month for both, or a change of it would show as a change of the figure.
summed as (

    select
        months.force_code,
        months.measure,
        months.month_start,
        counted_days.weeks,
        {%- for role in ["numerator", "denominator"] %}
        sum(
            case when measure_parts.role = '{{ role }}' then measure_parts.weight * coalesce(part_days.amount, 0) end
        ) as {{ role }}{{ "," if not loop.last }}
        {%- endfor %}
    from months
    inner join counted_days
        on months.force_code = counted_days.force_code
        and months.measure = counted_days.measure
        and months.month_start = counted_days.month_start
    inner join measure_parts
        on months.formula_measure = measure_parts.measure
    left join part_days
        on
            months.force_code = part_days.force_code
            and counted_days.day = part_days.day
            and measure_parts.part = part_days.part
    group by
        months.force_code,
        months.measure,
        months.month_start,
        counted_days.weeks

),

fractions as (

    select
        summed.force_code,
        summed.measure,
        summed.month_start,
        summed.weeks,
        measures.unit,
        measures.decimals,
        summed.denominator is null as is_sum,
        cast(summed.numerator * measures.factor * measures.denominator_divisor as decimal(38, 6)) as value_numerator,
        cast(
            coalesce(summed.denominator, 1) * measures.numerator_divisor as decimal(38, 6)
        ) as value_denominator
    from summed
    inner join measures
        on summed.measure = measures.measure

),

final as (

    select
        cast(so_far.force_code as {{ dbt.type_string() }}) as force_code,
        cast(so_far.measure as {{ dbt.type_string() }}) as measure,
        cast(so_far.month_start as date) as month_start,
        cast(months.days_in_month as bigint) as days,
        cast(spans.days_loaded as bigint) as days_loaded,
        cast(spans.first_day as date) as first_day,
        cast(spans.last_day as date) as last_day,
        {{ ratio("so_far.value_numerator", "so_far.value_denominator") }} as value,
        cast({{ display_quotient(
            "so_far.value_numerator", "so_far.value_denominator", "so_far.unit", "so_far.decimals"
        ) }} as {{ dbt.type_string() }}) as display_value,
        case
            when so_far.is_sum
                then {{ ratio("so_far.value_numerator", "so_far.value_denominator * spans.days_loaded") }}
        end as per_day,
        cast(chosen.weeks as bigint) as compared_weeks,
        cast(compared_spans.first_day as date) as compared_first_day,
        cast(compared_spans.last_day as date) as compared_last_day,
        {{ ratio("compared.value_numerator", "compared.value_denominator") }} as compared_value,
        cast({{ display_quotient(
            "compared.value_numerator", "compared.value_denominator", "so_far.unit", "so_far.decimals"
        ) }} as {{ dbt.type_string() }}) as compared_display_value,
        case
            when so_far.is_sum
                then {{ ratio("compared.value_numerator", "compared.value_denominator * spans.days_loaded") }}
        end as compared_per_day,
        cast(spans.days_loaded < months.days_in_month as boolean) as is_provisional
    from fractions as so_far
    inner join months
        on so_far.force_code = months.force_code
        and so_far.measure = months.measure
        and so_far.month_start = months.month_start
    inner join spans
        on so_far.force_code = spans.force_code
        and so_far.measure = spans.measure
        and so_far.month_start = spans.month_start
    left join chosen
        on so_far.force_code = chosen.force_code
        and so_far.measure = chosen.measure
        and so_far.month_start = chosen.month_start
    left join compared_spans
        on chosen.force_code = compared_spans.force_code
        and chosen.measure = compared_spans.measure
        and chosen.month_start = compared_spans.month_start
        and chosen.weeks = compared_spans.weeks
    left join fractions as compared
        on chosen.force_code = compared.force_code
        and chosen.measure = compared.measure
        and chosen.month_start = compared.month_start
        and chosen.weeks = compared.weeks
    where so_far.weeks = 0

)

select * from final
