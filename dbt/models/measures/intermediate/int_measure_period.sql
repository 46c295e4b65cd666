{%- set key = ["force_code", "measure", "month_start", "period"] -%}
with

measure_months as (

    select
        *,
        min(case when is_delivered then month_start end) over (partition by force_code, measure) as first_delivered
    from {{ ref("int_measure_monthly") }}

),

measures as (select * from {{ ref("measure_catalogue") }}),

measure_parts as (select * from {{ ref("measure_parts") }}),

part_days as (select * from {{ ref("int_part_daily") }}),

periods as (select * from {{ ref("int_period") }}),

amount_values as (select * from {{ ref("int_amount_value") }}),

unloaded_days as (select * from {{ ref("int_measure_unloaded_day") }}),

uncompared_days as (select * from {{ ref("int_uncompared_day") }}),

silent_periods as (select * from {{ ref("int_measure_silent_period") }}),

unloaded_months as (

    select
        force_code,
        measure,
        {{ month_start("day") }} as month_start,
        count(*) as days,
        max(day) as last_day
    from unloaded_days
    group by all

),

-- Days of last year that a partial year to date is not compared with, and their sums.
uncompared_sums as (

    select
        uncompared_days.force_code,
        uncompared_days.measure,
        uncompared_days.month_start,
        uncompared_days.day,
        case when unloaded_days.day is null then 1 else 0 end as days_loaded,
        {{ sums_of_parts("part_days.amount") }}
    from uncompared_days
    left join unloaded_days
        on {{ same_columns("uncompared_days", "unloaded_days", ["force_code", "measure", "day"]) }}
    left join measure_months as counted
        on
            {{ same_columns("uncompared_days", "counted", ["force_code", "measure"]) }}
            and {{ month_start("uncompared_days.day") }} = counted.month_start
            and counted.is_delivered
    left join measure_parts
        on counted.formula_measure = measure_parts.measure
    left join part_days
        on
            {{ same_columns("uncompared_days", "part_days", ["force_code", "day"]) }}
            and measure_parts.part = part_days.part
    group by all

),

-- What a period is made of: its months; less its days that are not loaded; less the days that it is not compared with.
pieces as (

    select
        shown.force_code,
        shown.measure,
        shown.month_start,
        periods.period,
        counted.numerator,
        counted.denominator,
        case when counted.is_delivered then 1 else 0 end as months_delivered,
        -- A period without its last month has no figure.
        case
            when periods.period = 'previous_6_months' then shown.is_delivered
            else counted.is_delivered and counted.month_start = periods.last_month
        end as is_anchored,
        0 as days_unloaded,
        cast(null as date) as last_unloaded_day,
        0 as days_uncompared,
        0 as loaded_days_uncompared
    from measure_months as shown
    inner join periods
        on shown.month_start = periods.month_start
    left join measure_months as counted
        on
            {{ same_columns("shown", "counted", ["force_code", "measure"]) }}
            and counted.month_start between periods.first_month and periods.last_month

    union all

    select
        unloaded_months.force_code,
        unloaded_months.measure,
        periods.month_start,
        periods.period,
        cast(null as decimal(38, 6)) as numerator,
        cast(null as decimal(38, 6)) as denominator,
        0 as months_delivered,
        false as is_anchored,
        unloaded_months.days as days_unloaded,
        unloaded_months.last_day as last_unloaded_day,
        0 as days_uncompared,
        0 as loaded_days_uncompared
    from periods
    inner join unloaded_months
        on unloaded_months.month_start between periods.first_month and periods.last_month

    union all

    select
        force_code,
        measure,
        month_start,
        'prev_fytd' as period,
        -numerator as numerator,
        -denominator as denominator,
        0 as months_delivered,
        false as is_anchored,
        0 as days_unloaded,
        cast(null as date) as last_unloaded_day,
        1 as days_uncompared,
        days_loaded as loaded_days_uncompared
    from uncompared_sums

),

summed as (

    select
        pieces.force_code,
        pieces.measure,
        pieces.month_start,
        pieces.period,
        shown.target,
        periods.first_month,
        periods.last_month,
        periods.months,
        periods.days - sum(pieces.days_uncompared) as days,
        periods.days - sum(pieces.days_unloaded) - sum(pieces.loaded_days_uncompared) as days_loaded,
        sum(pieces.months_delivered) as months_delivered,
        -- The year to date uses its delivered months; every other period is known only when all its months are.
        max(case when pieces.is_anchored then 1 else 0 end) = 1
        and periods.days > sum(pieces.days_uncompared)
        and (pieces.period in ('fytd', 'prev_fytd') or sum(pieces.months_delivered) = periods.months) as is_known,
        sum(pieces.numerator) as numerator,
        sum(pieces.denominator) as denominator,
        -- Only days from the start of a year to date are missing, and no month before it was delivered.
        case
            when
                pieces.period in ('fytd', 'prev_fytd')
                and shown.first_delivered >= periods.first_month
                and sum(pieces.days_unloaded)
                = {{ days_between("periods.first_month", date_plus("max(pieces.last_unloaded_day)", 1, "day")) }}
                and max(pieces.last_unloaded_day) < {{ date_plus(date_plus("periods.last_month", 1, "month"), -1, "day") }}
                then {{ date_plus("max(pieces.last_unloaded_day)", 1, "day") }}
        end as complete_since
    from pieces
    inner join measure_months as shown
        on {{ same_columns("pieces", "shown", ["force_code", "measure", "month_start"]) }}
    inner join periods
        on {{ same_columns("pieces", "periods", ["month_start", "period"]) }}
    group by
        pieces.force_code,
        pieces.measure,
        pieces.month_start,
        pieces.period,
        shown.first_delivered,
        shown.target,
        periods.first_month,
        periods.last_month,
        periods.months,
        periods.days

),

final as (

    select
        summed.force_code,
        summed.measure,
        summed.month_start,
        summed.period,
        summed.first_month,
        summed.last_month,
        summed.months,
        cast(summed.months_delivered as bigint) as months_delivered,
        cast(summed.days as bigint) as days,
        cast(summed.days_loaded as bigint) as days_loaded,
        summed.is_known,
        summed.days_loaded < summed.days or summed.days = 0 as is_provisional,
        {{ ratio("summed.days_loaded", "summed.days", 100) }} as share_of_days_loaded,
        case when summed.is_known then cast(summed.numerator as decimal(38, 6)) end as numerator,
        case when summed.is_known then cast(summed.denominator as decimal(38, 6)) end as denominator,
        case
            when summed.is_known and (silent_periods.measure is null or {{ is_sum() }})
                then {{ figure("summed", "amount_values.value") | indent(16) }}
        end as value,
        case
            when summed.is_known and {{ is_sum() }}
                then {{ ratio(figure_numerator("summed"), figure_denominator("summed") ~ " * summed.months") | indent(16) }}
        end as mean_per_month,
        case
            when summed.is_known and {{ is_sum() }}
                then {{ ratio(figure_numerator("summed"), figure_denominator("summed") ~ " * summed.days") | indent(16) }}
        end as mean_per_day,
        case when summed.is_known then summed.complete_since end as complete_since,
        summed.target,
        silent_periods.columns_without_values
    from summed
    inner join measures
        on summed.measure = measures.measure
    left join silent_periods
        on {{ same_columns("summed", "silent_periods", key) }}
    left join amount_values
        on {{ same_columns("summed", "amount_values", key) }}

)

select * from final
