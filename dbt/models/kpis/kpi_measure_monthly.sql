-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
with

measure_months as (

    select * from {{ ref("int_measure_monthly") }}

),

measure_periods as (

    select * from {{ ref("int_measure_period") }}

),

measures as (

    select * from {{ ref("measure_catalogue") }}

),

pivoted as (

    select
        force_code,
        measure,
        month_start,
        {%- for period in ["fytd", "last_6_months", "previous_6_months", "last_12_months"] %}
        max(case when period = '{{ period }}' then value end) as {{ period }},
        max(case when period = '{{ period }}' then mean_per_month end) as {{ period }}_mean,
        max(case when period = '{{ period }}' and is_known and is_provisional then 1
            when period = '{{ period }}' and is_known then 0 end) = 1 as {{ period }}_is_provisional
        {{- "," if not loop.last }}
        {%- endfor %}
    from measure_periods
    group by
        force_code,
        measure,
        month_start

),

joined as (

    select
        measure_months.*,
        measures.numerator_divisor,
        measures.denominator_divisor,
        measures.target,
        pivoted.fytd,
        pivoted.fytd_is_provisional,
        year_ago_period.fytd as prev_fytd,
        year_ago_period.fytd_is_provisional as prev_fytd_is_provisional,
        year_ago.value as same_month_last_year,
        case when year_ago.is_delivered then year_ago.is_provisional end as same_month_last_year_is_provisional,
        pivoted.last_6_months,
        pivoted.last_6_months_mean,
        pivoted.last_6_months_is_provisional,
        pivoted.previous_6_months,
        pivoted.previous_6_months_mean,
        pivoted.previous_6_months_is_provisional,
        pivoted.last_12_months,
        pivoted.last_12_months_is_provisional,
        measure_months.is_additive and measure_months.denominator is null as is_sum
    from measure_months
    inner join measures
        on measure_months.measure = measures.measure
    left join pivoted
        on
            measure_months.force_code = pivoted.force_code
            and measure_months.measure = pivoted.measure
            and measure_months.month_start = pivoted.month_start
    left join measure_months as year_ago
        on
            measure_months.force_code = year_ago.force_code
            and measure_months.measure = year_ago.measure
            and {{ date_plus("measure_months.month_start", -12, "month") }} = year_ago.month_start
    left join pivoted as year_ago_period
        on
            measure_months.force_code = year_ago_period.force_code
            and measure_months.measure = year_ago_period.measure
            and {{ date_plus("measure_months.month_start", -12, "month") }} = year_ago_period.month_start

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(measure as {{ dbt.type_string() }}) as measure,
        cast(month_start as date) as month_start,
        {{ ratio("numerator", "numerator_divisor") }} as numerator,
        {{ ratio("denominator", "denominator_divisor") }} as denominator,
        cast(value as decimal(38, 6)) as value,
        cast(fytd as decimal(38, 6)) as fytd_value,
        cast(prev_fytd as decimal(38, 6)) as prev_fytd_value,
        cast(same_month_last_year as decimal(38, 6)) as same_month_last_year,
        cast(last_6_months as decimal(38, 6)) as last_6_months,
        cast(previous_6_months as decimal(38, 6)) as previous_6_months,
        cast(last_12_months as decimal(38, 6)) as last_12_months,
        cast(last_6_months_mean as decimal(38, 6)) as last_6_months_mean,
        cast(previous_6_months_mean as decimal(38, 6)) as previous_6_months_mean,
        case when is_sum then {{ ratio("value_numerator", "value_denominator * days_in_month") }} end as per_day,
        cast(target as decimal(38, 6)) as target,
        cast(is_provisional as boolean) as is_provisional,
        cast(fytd_is_provisional as boolean) as fytd_is_provisional,
        cast(prev_fytd_is_provisional as boolean) as prev_fytd_is_provisional,
        cast(same_month_last_year_is_provisional as boolean) as same_month_last_year_is_provisional,
        cast(last_6_months_is_provisional as boolean) as last_6_months_is_provisional,
        cast(previous_6_months_is_provisional as boolean) as previous_6_months_is_provisional,
        cast(last_12_months_is_provisional as boolean) as last_12_months_is_provisional,
        cast(share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded
    from joined

)

select * from final
