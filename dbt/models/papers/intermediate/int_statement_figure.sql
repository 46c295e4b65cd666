{#- A view of a few dozen rows. -#}
{{ config(materialized="view") }}
{%- set key = ["force_code", "report_id", "statement_id", "test_no", "period", "measure"] -%}

with

statements as (select * from {{ ref("int_statement") }}),

figures as (select * from {{ ref("kpi_measure_monthly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

-- The months that a test is about, those that it compares with, and the measures that a sum adds up.
periods as (

    select
        force_code,
        report_id,
        statement_id,
        test_no,
        'stated' as period,
        measure,
        first_month,
        last_month,
        stated_month
    from statements

    union all

    select
        force_code,
        report_id,
        statement_id,
        test_no,
        'base' as period,
        measure,
        coalesce(base_first_month, {{ date_plus("first_month", -12, "month") }}) as first_month,
        coalesce(base_last_month, {{ date_plus("last_month", -12, "month") }}) as last_month,
        stated_month
    from statements

    union all

    select
        force_code,
        report_id,
        statement_id,
        test_no,
        'others' as period,
        {{ list_items("other_measures") }} as measure,
        first_month,
        last_month,
        stated_month
    from statements

),

-- Only whole months: a month with a missing day, or without a figure, counts as not loaded.
months as (

    select
        periods.*,
        {{ month_number("periods.last_month") }} - {{ month_number("periods.first_month") }} + 1 as months,
        figures.month_start,
        figures.numerator * measures.factor as numerator,
        figures.denominator,
        figures.value,
        figures.target,
        measures.is_additive,
        {{ is_sum() }} as is_sum,
        {{ rounded("figures.value", "measures.decimals") }} as rounded_value
    from periods
    left join measures
        on trim(periods.measure) = measures.measure
    left join figures
        on
            periods.force_code = figures.force_code
            and measures.measure = figures.measure
            and figures.month_start between periods.first_month and periods.last_month
            and not figures.is_provisional
            and figures.value is not null

)

select
    {%- for column in key %}
    {{ column }},
    {%- endfor %}
    first_month,
    last_month,
    months,
    count(month_start) as months_loaded,
    case
        when is_sum then sum(value)
        when is_additive then {{ ratio("sum(numerator)", "sum(denominator)") }}
        when months = 1 then max(value)
    end as value,
    {{ ratio("sum(value)", "count(value)") }} as mean_of_months,
    {{ ratio("sum(rounded_value)", "count(value)") }} as mean_of_rounded_months,
    max(case when month_start = stated_month then value end) as stated_month_value,
    max(case when month_start <> stated_month then value end) as highest_other,
    min(case when month_start <> stated_month then value end) as lowest_other,
    max(case when month_start = last_month then target end) as target
from months
group by
    {%- for column in key %}
    {{ column }},
    {%- endfor %}
    first_month,
    last_month,
    months,
    is_additive,
    is_sum
