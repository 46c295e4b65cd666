with

measure_periods as (select * from {{ ref("int_measure_period") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

periods as (select * from {{ ref("int_period") }}),

silent_periods as (select * from {{ ref("int_measure_silent_period") }}),

year_starts as (select * from {{ ref("int_year_to_date_start") }}),

quarantined as (select * from {{ ref("int_measure_effect") }}),

final as (

    select
        cast(measure_periods.force_code as {{ dbt.type_string() }}) as force_code,
        cast(measure_periods.measure as {{ dbt.type_string() }}) as measure,
        cast(measure_periods.month_start as date) as month_start,
        cast(measure_periods.period as {{ dbt.type_string() }}) as period,
        cast(periods.first_month as date) as first_month,
        cast(periods.last_month as date) as last_month,
        cast(measure_periods.months as bigint) as months,
        cast(measure_periods.months_delivered as bigint) as months_delivered,
        {{ ratio("measure_periods.numerator", "measures.numerator_divisor") }} as numerator,
        {{ ratio("measure_periods.denominator", "measures.denominator_divisor") }} as denominator,
        cast(measure_periods.value as decimal(38, 6)) as value,
        cast({{ display_quotient(
            "measure_periods.value_numerator",
            "measure_periods.value_denominator",
            "measures.unit",
            "measures.decimals",
        ) }} as {{ dbt.type_string() }}) as display_value,
        cast(measure_periods.mean_per_month as decimal(38, 6)) as mean_per_month,
        cast(measure_periods.mean_per_day as decimal(38, 6)) as mean_per_day,
        cast(measure_periods.days as bigint) as days,
        cast(measure_periods.days_loaded as bigint) as days_loaded,
        cast(measure_periods.is_provisional as boolean) as is_provisional,
        cast(measure_periods.share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded,
        cast(
            case when measure_periods.is_known and measure_periods.is_provisional then year_starts.complete_since end
            as date
        ) as complete_since,
        cast(coalesce(quarantined.rows_quarantined, 0) as bigint) as rows_quarantined,
        cast(coalesce(quarantined.share_quarantined, 0) as decimal(38, 6)) as share_quarantined,
        cast(coalesce(quarantined.is_affected_by_quarantine, false) as boolean) as is_affected_by_quarantine,
        cast(quarantined.value_low as decimal(38, 6)) as value_low,
        cast(quarantined.value_high as decimal(38, 6)) as value_high,
        cast(quarantined.affected_sources as {{ dbt.type_string() }}) as affected_sources,
        cast(silent_periods.columns_without_values as {{ dbt.type_string() }}) as columns_without_values
    from measure_periods
    inner join measures
        on measure_periods.measure = measures.measure
    inner join periods
        on measure_periods.month_start = periods.month_start
        and measure_periods.period = periods.period
    left join year_starts
        on measure_periods.force_code = year_starts.force_code
        and measure_periods.measure = year_starts.measure
        and measure_periods.month_start = year_starts.month_start
        and measure_periods.period = year_starts.period
    left join quarantined
        on measure_periods.force_code = quarantined.force_code
        and measure_periods.measure = quarantined.measure
        and measure_periods.month_start = quarantined.month_start
        and measure_periods.period = quarantined.period
    left join silent_periods
        on measure_periods.force_code = silent_periods.force_code
        and measure_periods.measure = silent_periods.measure
        and measure_periods.month_start = silent_periods.month_start
        and measure_periods.period = silent_periods.period

)

select * from final
