{%- set key = ["force_code", "measure", "month_start"] -%}
{%- set compared = [
    "prev_fytd", "same_month_last_year", "fytd", "last_6_months", "previous_6_months", "last_12_months",
] -%}
{%- set averaged = ["last_6_months", "previous_6_months"] -%}
{#- Earlier months that a sum is compared with, by how many months they are earlier. -#}
{%- set earlier = {"month_before": 1, "last_year": 12} -%}
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
with

measures as (select * from {{ ref("measure_catalogue") }}),

measure_periods as (select * from {{ ref("kpi_measure_period") }}),

-- There is a row for every month from the first to the last, so a row before is a month before.
measure_months as (

    select
        *,
        {%- for name, months in earlier.items() %}
        lag(numerator, {{ months }})
            over (partition by force_code, measure order by month_start asc nulls last) as {{ name }},
        lag(is_provisional, {{ months }})
            over (partition by force_code, measure order by month_start asc nulls last) as {{ name }}_is_provisional
        {{- "," if not loop.last }}
        {%- endfor %}
    from {{ ref("int_measure_monthly") }}

),

compared as (

    select
        force_code,
        measure,
        month_start
        {%- for period in compared %},
        max(case when period = '{{ period }}' then value end) as {{ period }},
        {%- if period in averaged %}
        max(case when period = '{{ period }}' then mean_per_month end) as {{ period }}_mean,
        {%- endif %}
        max(case when period = '{{ period }}' and is_known then case when is_provisional then 1 else 0 end end) = 1
            as {{ period }}_is_provisional
        {%- endfor %}
    from {{ ref("int_measure_period") }}
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
        cast(compared.fytd as decimal(38, 6)) as fytd_value,
        cast(compared.prev_fytd as decimal(38, 6)) as prev_fytd_value,
        cast(compared.same_month_last_year as decimal(38, 6)) as same_month_last_year,
        cast(compared.last_6_months as decimal(38, 6)) as last_6_months,
        cast(compared.previous_6_months as decimal(38, 6)) as previous_6_months,
        cast(compared.last_12_months as decimal(38, 6)) as last_12_months,
        cast(compared.last_6_months_mean as decimal(38, 6)) as last_6_months_mean,
        cast(compared.previous_6_months_mean as decimal(38, 6)) as previous_6_months_mean,
        cast(measure_periods.mean_per_day as decimal(38, 6)) as per_day,
        {%- for name in earlier %}
        case
            when
                {{ is_sum() }}
                and not measure_months.is_provisional
                and not measure_months.{{ name }}_is_provisional
                then {{ ratio(
                    "measure_months.numerator - measure_months." ~ name, "measure_months." ~ name, 100
                ) | indent(16) }}
        end as pct_change_on_{{ name }},
        {%- endfor %}
        cast(measure_months.target as decimal(38, 6)) as target,
        cast(measure_months.is_provisional as boolean) as is_provisional,
        {%- for period in compared %}
        cast(compared.{{ period }}_is_provisional as boolean) as {{ period }}_is_provisional,
        {%- endfor %}
        cast(measure_months.share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded,
        cast(measure_periods.rows_quarantined as bigint) as rows_quarantined,
        cast(measure_periods.share_quarantined as decimal(38, 6)) as share_quarantined,
        cast(measure_periods.is_affected_by_quarantine as boolean) as is_affected_by_quarantine,
        cast(measure_periods.value_low as decimal(38, 6)) as value_low,
        cast(measure_periods.value_high as decimal(38, 6)) as value_high
    from measure_months
    inner join measures
        on measure_months.measure = measures.measure
    inner join compared
        on {{ same_columns("measure_months", "compared", key) }}
    inner join measure_periods
        on {{ same_columns("measure_months", "measure_periods", key) }} and measure_periods.period = 'month'

)

select * from final
