{#- A view of a few dozen rows. -#}
{{ config(materialized="view") }}
{%- set key = ["force_code", "report_id", "statement_id", "test_no"] -%}
{%- set over_two_periods =
    "('change', 'change_of_mean_per_month', 'rises', 'falls', 'rises_year_on_year', 'falls_year_on_year')"
-%}
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
with

statements as (select * from {{ ref("int_statement") }}),

-- The months that a test is about; those that it compares them with, and the measures that a sum adds up.
periods as (

    select
        *,
        'stated' as period,
        measure as period_measure,
        first_month as period_start,
        last_month as period_end
    from statements

    union all

    select
        *,
        'compared' as period,
        measure as period_measure,
        coalesce(base_first_month, {{ date_plus("first_month", -12, "month") }}) as period_start,
        coalesce(base_last_month, {{ date_plus("last_month", -12, "month") }}) as period_end
    from statements
    where comparison in {{ over_two_periods }}

    union all

    select
        *,
        'compared' as period,
        {{ list_items("other_measures") }} as period_measure,
        first_month as period_start,
        last_month as period_end
    from statements
    where comparison = 'is_the_sum_of'

),

-- Of whole months only: a month with a missing day, or without a figure, counts as not loaded.
figures as (

    select
        {%- for column in key + ["comparison", "formula", "stated_month", "period", "period_start", "period_end"] %}
        periods.{{ column }},
        {%- endfor %}
        measures.measure,
        {{ is_sum() }} as is_sum,
        {{ month_number("periods.period_end") }} - {{ month_number("periods.period_start") }} + 1 as months,
        figures.month_start,
        figures.numerator * measures.factor as numerator,
        figures.denominator,
        figures.value,
        {{ rounded("figures.value", "measures.decimals") }} as rounded_value,
        figures.target
    from periods
    left join {{ ref("measure_catalogue") }} as measures
        on trim(periods.period_measure) = measures.measure
    left join {{ ref("kpi_measure_monthly") }} as figures
        on
            periods.force_code = figures.force_code
            and measures.measure = figures.measure
            and figures.month_start between periods.period_start and periods.period_end
            and not figures.is_provisional
            and figures.value is not null

),

period_figures as (

    select
        {{ key | join(",\n        ") }},
        period,
        period_start,
        period_end,
        months,
        count(month_start) as months_loaded,
        case
            when comparison in ('mean_per_month', 'change_of_mean_per_month') then {{ ratio("sum(value)", "count(value)") }}
            when is_sum or months = 1 then sum(value)
            else {{ ratio("sum(numerator)", "sum(denominator)") }}
        end as value,
        case formula
            when 'mean_of_months' then {{ ratio("sum(value)", "count(value)") }}
            when 'mean_of_rounded_months' then {{ ratio("sum(rounded_value)", "count(value)") }}
        end as formula_value,
        max(case when month_start = stated_month then value end) as stated_month_value,
        max(case when month_start <> stated_month then value end) as highest_other,
        min(case when month_start <> stated_month then value end) as lowest_other,
        max(case when month_start = period_end then target end) as target
    from figures
    group by
        {{ key | join(",\n        ") }},
        period,
        period_start,
        period_end,
        months,
        comparison,
        formula,
        measure,
        is_sum

)

select
    {{ key | join(",\n    ") }},
    cast(sum(months) as bigint) as months,
    cast(sum(months_loaded) as bigint) as months_loaded,
    min(months) = max(months) as is_same_length,
    {%- for column in ["value", "formula_value"] %}
    sum(case when period = 'stated' then {{ column }} end) as {{ column }},
    sum(case when period = 'compared' then {{ column }} end) as compared_{{ column }},
    {%- endfor %}
    max(case when period = 'compared' then period_start end) as compared_first_month,
    max(case when period = 'compared' then period_end end) as compared_last_month,
    {%- for column in ["stated_month_value", "highest_other", "lowest_other", "target"] %}
    max(case when period = 'stated' then {{ column }} end) as {{ column }}{{ "," if not loop.last }}
    {%- endfor %}
from period_figures
group by
    {{ key | join(",\n    ") }}
