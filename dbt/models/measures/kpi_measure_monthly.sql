{%- set key = ["force_code", "measure", "month_start"] -%}
{#- Periods, and the columns of their figures. -#}
{%- set compared = {
    "fytd": "fytd_value", "prev_fytd": "prev_fytd_value", "same_month_last_year": "same_month_last_year",
    "last_6_months": "last_6_months", "previous_6_months": "previous_6_months", "last_12_months": "last_12_months",
} -%}
{%- set averaged = ["last_6_months", "previous_6_months"] -%}
{#- Earlier months that a sum is compared with, by how many months they are earlier. -#}
{%- set earlier = {"month_before": 1, "last_year": 12} -%}
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
with

-- There is a row for every month from the first to the last, so a row before is a month before.
measure_months as (

    select
        *,
        {%- for name, months in earlier.items() %}
        lag(case when not is_provisional then numerator end, {{ months }})
            over (partition by force_code, measure order by month_start asc nulls last) as {{ name }}
        {{- "," if not loop.last }}
        {%- endfor %}
    from {{ ref("int_measure_monthly") }}

),

measures as (select * from {{ ref("measure_catalogue") }}),

figures as (

    select * from {{ ref("kpi_measure_period") }}
    where period = 'month'

),

compared as (

    select
        {{ key | join(",\n        ") }}
        {%- for period, column in compared.items() %},
        max(case when period = '{{ period }}' then value end) as {{ column }},
        {%- if period in averaged %}
        max(case when period = '{{ period }}' then mean_per_month end) as {{ period }}_mean,
        {%- endif %}
        max(case when period = '{{ period }}' and is_known then case when is_provisional then 1 else 0 end end) = 1
            as {{ period }}_is_provisional
        {%- endfor %}
    from {{ ref("int_measure_period") }}
    group by all

)

select
    figures.force_code,
    figures.measure,
    figures.month_start,
    figures.numerator,
    figures.denominator,
    figures.value,
    {%- for period, column in compared.items() %}
    compared.{{ column }},
    {%- endfor %}
    {%- for period in averaged %}
    compared.{{ period }}_mean,
    {%- endfor %}
    figures.mean_per_day as per_day,
    {%- for name in earlier %}
    case
        when {{ is_sum() }} and not figures.is_provisional
            then {{ ratio(
                "measure_months.numerator - measure_months." ~ name, "measure_months." ~ name, 100
            ) | indent(12) }}
    end as pct_change_on_{{ name }},
    {%- endfor %}
    measure_months.target,
    figures.is_provisional,
    {%- for period in compared %}
    compared.{{ period }}_is_provisional,
    {%- endfor %}
    measure_months.share_of_days_loaded,
    figures.rows_quarantined,
    figures.share_quarantined,
    figures.is_affected_by_quarantine,
    figures.value_low,
    figures.value_high
from figures
inner join measures
    on figures.measure = measures.measure
inner join measure_months
    on {{ same_columns("figures", "measure_months", key) }}
inner join compared
    on {{ same_columns("figures", "compared", key) }}
