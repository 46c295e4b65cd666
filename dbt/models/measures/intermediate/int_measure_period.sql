{%- set key = ["force_code", "measure", "month_start"] -%}
with

measures as (select * from {{ ref("measure_catalogue") }}),

periods as (select * from {{ ref("int_period") }}),

amount_values as (select * from {{ ref("int_amount_value") }}),

loaded_months as (

    select
        force_code,
        measure,
        {{ month_start("day") }} as month_start,
        count(*) as days,
        min(day) as first_day
    from {{ ref("int_measure_day") }}
    group by all

),

measure_months as (

    select
        figures.*,
        loaded_months.days as days_of_all_sources,
        loaded_months.first_day,
        min(case when figures.is_delivered then figures.month_start end)
            over (partition by figures.force_code, figures.measure) as first_delivered
    from {{ ref("int_measure_monthly") }} as figures
    left join loaded_months
        on {{ same_columns("figures", "loaded_months", key) }}

),

silent_columns as (

    select distinct
        silent_days.force_code,
        silent_days.measure,
        periods.month_start,
        periods.period,
        silent_days.source || '.' || silent_days.column_name as column_name
    from periods
    inner join {{ ref("int_measure_gap_day") }} as silent_days
        on {{ month_start("silent_days.day") }} between periods.first_month and periods.last_month
    where silent_days.column_name is not null

),

silent_periods as (

    select
        force_code,
        measure,
        month_start,
        period,
        {{ joined_text("column_name") }} as columns_without_values
    from silent_columns
    group by all

),

summed as (

    select
        shown.force_code,
        shown.measure,
        shown.month_start,
        shown.target,
        shown.is_delivered,
        shown.first_delivered,
        periods.period,
        periods.first_month,
        periods.last_month,
        periods.months,
        periods.days,
        coalesce(sum(counted.days_of_all_sources), 0) as days_loaded,
        min(counted.first_day) as first_day_loaded,
        count(case when counted.is_delivered then 1 end) as months_delivered,
        max(case when counted.is_delivered then counted.month_start end) as last_delivered,
        sum(counted.numerator) as numerator,
        sum(counted.denominator) as denominator
    from measure_months as shown
    inner join periods
        on shown.month_start = periods.month_start
    left join measure_months as counted
        on {{ same_columns("shown", "counted", ["force_code", "measure"]) }}
        and counted.month_start between periods.first_month and periods.last_month
    group by all

),

-- A year to date uses its delivered months, of which the last is one; every other period is known when all its months are.
judged as (

    select
        *,
        case
            when period in ('fytd', 'prev_fytd') then coalesce(last_delivered = last_month, false)
            else months_delivered = months and (is_delivered or period <> 'previous_6_months')
        end as is_known
    from summed

)

select
    judged.force_code,
    judged.measure,
    judged.month_start,
    judged.period,
    judged.first_month,
    judged.last_month,
    judged.months,
    judged.months_delivered,
    judged.days,
    cast(judged.days_loaded as bigint) as days_loaded,
    judged.is_known,
    judged.days_loaded < judged.days as is_provisional,
    {{ ratio("judged.days_loaded", "judged.days", 100) }} as share_of_days_loaded,
    case when judged.is_known then cast(judged.numerator as decimal(38, 6)) end as numerator,
    case when judged.is_known then cast(judged.denominator as decimal(38, 6)) end as denominator,
    case
        when judged.is_known and (silent_periods.measure is null or {{ is_sum() }})
            then {{ figure("judged", "amount_values.value") | indent(12) }}
    end as value,
    {%- for per, units in {"mean_per_month": "months", "mean_per_day": "days"}.items() %}
    case
        when judged.is_known and {{ is_sum() }}
            then {{ ratio(figure_numerator("judged"), figure_denominator("judged") ~ " * judged." ~ units) | indent(12) }}
    end as {{ per }},
    {%- endfor %}
    -- A year to date lacks only days from its start, and no month before it was delivered.
    case
        when
            judged.is_known
            and judged.period in ('fytd', 'prev_fytd')
            and judged.first_delivered >= judged.first_month
            and judged.days_loaded < judged.days
            and judged.days_loaded
            = {{ days_between("judged.first_day_loaded", date_plus("judged.last_month", 1, "month")) }}
            then judged.first_day_loaded
    end as complete_since,
    judged.target,
    silent_periods.columns_without_values
from judged
inner join measures
    on judged.measure = measures.measure
left join silent_periods
    on {{ same_columns("judged", "silent_periods", key + ["period"]) }}
left join amount_values
    on {{ same_columns("judged", "amount_values", key + ["period"]) }}
