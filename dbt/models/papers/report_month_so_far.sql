{%- set key = ["force_code", "measure", "month_start"] -%}
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

report_months as (select * from {{ ref("report_months") }}),

measure_months as (select * from {{ ref("int_measure_monthly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

measure_parts as (select * from {{ ref("measure_parts") }}),

part_days as (select * from {{ ref("int_part_daily") }}),

unloaded_days as (select * from {{ ref("int_measure_unloaded_day") }}),

dates as (select * from {{ ref("dim_date") }}),

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
        and measures.method in ('sum', 'ratio')
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

-- Whole weeks, so that each day is compared with the same weekday: a year before, else as few as reach before the month.
weeks as (

    select distinct
        force_code,
        measure,
        month_start,
        52 as weeks
    from days

    union all

    select
        force_code,
        measure,
        month_start,
        case when extract(day from max(day)) > 28 then 5 else 4 end as weeks
    from days
    group by all

),

earlier_days as (

    select
        weeks.*,
        {{ date_plus("days.day", "-7 * weeks.weeks", "day") }} as day
    from days
    inner join weeks
        on {{ same_columns("days", "weeks", key) }}

),

-- Only with days that are all delivered.
whole as (

    select
        earlier_days.force_code,
        earlier_days.measure,
        earlier_days.month_start,
        earlier_days.weeks
    from earlier_days
    left join measure_months
        on earlier_days.force_code = measure_months.force_code
        and earlier_days.measure = measure_months.measure
        and {{ month_start("earlier_days.day") }} = measure_months.month_start
    left join unloaded_days
        on earlier_days.force_code = unloaded_days.force_code
        and earlier_days.measure = unloaded_days.measure
        and earlier_days.day = unloaded_days.day
    group by all
    having min(case when measure_months.is_delivered and unloaded_days.day is null then 1 else 0 end) = 1

),

chosen as (

    select
        force_code,
        measure,
        month_start,
        max(weeks) as weeks
    from whole
    group by all

),

counted_days as (

    select
        *,
        0 as weeks
    from days

    union all

    select
        earlier_days.force_code,
        earlier_days.measure,
        earlier_days.month_start,
        earlier_days.day,
        earlier_days.weeks
    from earlier_days
    inner join chosen
        on {{ same_columns("earlier_days", "chosen", key + ["weeks"]) }}

),

-- Both use the formula of the running month, so that a change of formula does not show as a change of the figure.
summed as (

    select
        counted_days.force_code,
        counted_days.measure,
        counted_days.month_start,
        counted_days.weeks,
        months.days_in_month,
        min(counted_days.day) as first_day,
        max(counted_days.day) as last_day,
        count(distinct counted_days.day) as days,
        {{ sums_of_parts("part_days.amount") }}
    from months
    inner join counted_days
        on {{ same_columns("months", "counted_days", key) }}
    inner join measure_parts
        on months.formula_measure = measure_parts.measure
    left join part_days
        on months.force_code = part_days.force_code
        and counted_days.day = part_days.day
        and measure_parts.part = part_days.part
    group by all

),

figures as (

    select
        summed.*,
        {{ ratio(figure_numerator("summed"), figure_denominator("summed")) }} as value,
        measures.unit,
        measures.decimals,
        case
            when {{ is_sum() }}
                then {{ ratio(figure_numerator("summed"), figure_denominator("summed") ~ " * summed.days") }}
        end as per_day
    from summed
    inner join measures
        on summed.measure = measures.measure

),

final as (

    select
        cast(so_far.force_code as {{ dbt.type_string() }}) as force_code,
        cast(so_far.measure as {{ dbt.type_string() }}) as measure,
        cast(so_far.month_start as date) as month_start,
        cast(so_far.days_in_month as bigint) as days,
        cast(so_far.days as bigint) as days_loaded,
        cast(so_far.first_day as date) as first_day,
        cast(so_far.last_day as date) as last_day,
        cast(so_far.value as decimal(38, 6)) as value,
        cast({{ display_value("so_far.value", "so_far.unit", "so_far.decimals") }} as {{ dbt.type_string() }})
            as display_value,
        cast(so_far.per_day as decimal(38, 6)) as per_day,
        cast(compared.weeks as bigint) as compared_weeks,
        cast(compared.first_day as date) as compared_first_day,
        cast(compared.last_day as date) as compared_last_day,
        cast(compared.value as decimal(38, 6)) as compared_value,
        cast({{ display_value("compared.value", "compared.unit", "compared.decimals") }} as {{ dbt.type_string() }})
            as compared_display_value,
        cast(compared.per_day as decimal(38, 6)) as compared_per_day,
        cast(so_far.days < so_far.days_in_month as boolean) as is_provisional
    from figures as so_far
    left join figures as compared
        on
            {{ same_columns("so_far", "compared", key) }}
            and compared.weeks > 0
    where so_far.weeks = 0

)

select * from final
