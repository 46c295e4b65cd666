with

measure_months as (

    select * from {{ ref("int_measure_monthly") }}

),

measures as (

    select * from {{ ref("measure_catalogue") }}

),

periods as (

    select * from {{ ref("int_period") }}

),

queue_times as (

    select * from {{ ref("int_queue_time_period") }}

),

summed as (

    select
        shown.force_code,
        shown.measure,
        shown.month_start,
        periods.period,
        periods.months,
        shown.is_delivered,
        sum(counted.numerator) as numerator,
        sum(counted.denominator) as denominator,
        max(counted.value) as greatest_value,
        sum(case when counted.is_delivered then 1 else 0 end) as months_delivered,
        sum(case when counted.is_provisional then 0 else 1 end) as months_complete
    from measure_months as shown
    inner join periods
        on shown.month_start = periods.month_start
    inner join measure_months as counted
        on shown.force_code = counted.force_code
        and shown.measure = counted.measure
        and counted.month_start between periods.first_month and periods.last_month
    group by
        shown.force_code,
        shown.measure,
        shown.month_start,
        periods.period,
        periods.months,
        shown.is_delivered

),

-- The year to date is what was delivered of it; every other period is known only when all its months are.
known as (

    select
        *,
        is_delivered and (period = 'fytd' or months_delivered = months) as is_known,
        months_complete < months as is_provisional
    from summed

),

fractions as (

    select
        known.force_code,
        known.measure,
        known.month_start,
        known.period,
        known.months,
        known.months_delivered,
        known.is_known,
        known.is_provisional,
        measures.is_additive and known.denominator is null as is_sum,
        case when known.is_known then known.numerator end as numerator,
        case when known.is_known then known.denominator end as denominator,
        case
            when not known.is_known then null
            when measures.is_additive then known.numerator * measures.factor * measures.denominator_divisor
            when measures.name = 'median_queue_time' then queue_times.median_queue_seconds
            when measures.name = 'p90_queue_time' then queue_times.p90_queue_seconds
            else known.greatest_value
        end as value_numerator,
        case
            when measures.is_additive then coalesce(known.denominator, 1) * measures.numerator_divisor
            else 1
        end as value_denominator
    from known
    inner join measures
        on known.measure = measures.measure
    left join queue_times
        on not measures.is_additive
        and known.force_code = queue_times.force_code
        and measures.section = queue_times.section
        and known.month_start = queue_times.month_start
        and known.period = queue_times.period

),

final as (

    select
        force_code,
        measure,
        month_start,
        period,
        months,
        cast(months_delivered as bigint) as months_delivered,
        is_known,
        is_provisional,
        cast(numerator as decimal(38, 6)) as numerator,
        cast(denominator as decimal(38, 6)) as denominator,
        {{ ratio("value_numerator", "value_denominator") }} as value,
        case
            when is_sum then {{ ratio("value_numerator", "value_denominator * months") }}
        end as mean_per_month
    from fractions

)

select * from final
