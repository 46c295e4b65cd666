{%- set compared = [
    "prev_fytd", "same_month_last_year", "fytd", "last_6_months", "previous_6_months", "last_12_months",
] -%}
{%- set averaged = ["last_6_months", "previous_6_months"] -%}
{#- Earlier months that a sum is compared with, by how many months they are earlier. -#}
{%- set earlier = {"month_before": 1, "last_year": 12} -%}
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
with

measure_months as (select * from {{ ref("int_measure_monthly") }}),

measure_periods as (select * from {{ ref("int_measure_period") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

quarantined as (select * from {{ ref("int_measure_effect") }}),

numbered as (

    select
        *,
        {{ month_number("month_start") }} as month_number
    from measure_months

),

pivoted as (

    select
        force_code,
        measure,
        month_start,
        max(case when period = 'month' then mean_per_day end) as per_day,
        {%- for period in compared %}
        max(case when period = '{{ period }}' then value end) as {{ period }},
        {%- if period in averaged %}
        max(case when period = '{{ period }}' then mean_per_month end) as {{ period }}_mean,
        {%- endif %}
        max(case when period = '{{ period }}' and is_known and is_provisional then 1
            when period = '{{ period }}' and is_known then 0 end) = 1 as {{ period }}_is_provisional
        {{- "," if not loop.last }}
        {%- endfor %}
    from measure_periods
    group by all

),

final as (

    select
        cast(measure_months.force_code as {{ dbt.type_string() }}) as force_code,
        cast(measure_months.measure as {{ dbt.type_string() }}) as measure,
        cast(measure_months.month_start as date) as month_start,
        {{ ratio("measure_months.numerator", "measures.numerator_divisor") }} as numerator,
        {{ ratio("measure_months.denominator", "measures.denominator_divisor") }} as denominator,
        cast(measure_months.value as decimal(38, 6)) as value,
        cast(pivoted.fytd as decimal(38, 6)) as fytd_value,
        cast(pivoted.prev_fytd as decimal(38, 6)) as prev_fytd_value,
        cast(pivoted.same_month_last_year as decimal(38, 6)) as same_month_last_year,
        cast(pivoted.last_6_months as decimal(38, 6)) as last_6_months,
        cast(pivoted.previous_6_months as decimal(38, 6)) as previous_6_months,
        cast(pivoted.last_12_months as decimal(38, 6)) as last_12_months,
        cast(pivoted.last_6_months_mean as decimal(38, 6)) as last_6_months_mean,
        cast(pivoted.previous_6_months_mean as decimal(38, 6)) as previous_6_months_mean,
        cast(pivoted.per_day as decimal(38, 6)) as per_day,
        {%- for name in earlier %}
        case
            when {{ is_sum() }} and not measure_months.is_provisional and not {{ name }}.is_provisional
                then {{ ratio(
                    "measure_months.value_numerator - " ~ name ~ ".value_numerator", name ~ ".value_numerator", 100
                ) | indent(16) }}
        end as pct_change_on_{{ name }},
        {%- endfor %}
        cast(measure_months.target as decimal(38, 6)) as target,
        cast(measure_months.is_provisional as boolean) as is_provisional,
        {%- for period in compared %}
        cast(pivoted.{{ period }}_is_provisional as boolean) as {{ period }}_is_provisional,
        {%- endfor %}
        cast(measure_months.share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded,
        cast(coalesce(quarantined.rows_quarantined, 0) as bigint) as rows_quarantined,
        cast(coalesce(quarantined.share_quarantined, 0) as decimal(38, 6)) as share_quarantined,
        cast(coalesce(quarantined.is_affected_by_quarantine, false) as boolean) as is_affected_by_quarantine,
        cast(quarantined.value_low as decimal(38, 6)) as value_low,
        cast(quarantined.value_high as decimal(38, 6)) as value_high
    from numbered as measure_months
    {%- for name, months in earlier.items() %}
    left join numbered as {{ name }}
        on
            measure_months.force_code = {{ name }}.force_code
            and measure_months.measure = {{ name }}.measure
            and measure_months.month_number = {{ name }}.month_number + {{ months }}
    {%- endfor %}
    inner join measures
        on measure_months.measure = measures.measure
    left join pivoted
        on
            measure_months.force_code = pivoted.force_code
            and measure_months.measure = pivoted.measure
            and measure_months.month_start = pivoted.month_start
    left join quarantined
        on
            measure_months.force_code = quarantined.force_code
            and measure_months.measure = quarantined.measure
            and measure_months.month_start = quarantined.month_start
            and quarantined.period = 'month'

)

select * from final
