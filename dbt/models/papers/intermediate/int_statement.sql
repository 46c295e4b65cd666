{#- A view of a few dozen rows. -#}
{{ config(materialized="view") }}
{%- set key = ["force_code", "report_id", "statement_id", "test_no"] -%}
{#- Comparisons of two periods, or of a measure with others. -#}
{%- set of_two -%}
('change', 'change_of_mean_per_month', 'rises', 'falls', 'rises_year_on_year', 'falls_year_on_year', 'is_the_sum_of')
{%- endset -%}
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

measures as (select * from {{ ref("measure_catalogue") }}),

-- A later extract may correct a statement.
statements as (
    {{- latest_rows("published_statements", key=key) }}
),

-- The months that a test is about; those that it compares them with, or the measures that a sum adds up.
periods as (

    select
        statements.*,
        sides.period,
        {{ list_items(
            "case when sides.period = 'compared' and statements.comparison = 'is_the_sum_of'"
            " then statements.other_measures else statements.measure end"
        ) }} as period_measure,
        {%- for month, boundary in {"first_month": "period_start", "last_month": "period_end"}.items() %}
        case
            when sides.period = 'stated' or statements.comparison = 'is_the_sum_of' then statements.{{ month }}
            else coalesce(statements.base_{{ month }}, {{ date_plus("statements." ~ month, -12, "month") }})
        end as {{ boundary }}{{ "," if not loop.last }}
        {%- endfor %}
    from statements
    inner join (values ('stated'), ('compared')) as sides (period)
        on sides.period = 'stated' or statements.comparison in {{ of_two }}

),

-- Of whole months only: a month with a missing day, or without a figure, counts as not loaded.
figures as (

    select
        periods.*,
        {{ is_sum() }} as is_sum,
        {{ month_number("periods.period_end") }} - {{ month_number("periods.period_start") }} + 1 as span,
        figures.month_start,
        figures.numerator * measures.factor as numerator,
        figures.denominator,
        figures.value,
        {{ rounded("figures.value", "measures.decimals") }} as rounded_value,
        figures.target
    from periods
    left join measures
        on trim(periods.period_measure) = measures.measure
    left join {{ ref("kpi_measure_monthly") }} as figures
        on periods.force_code = figures.force_code
        and measures.measure = figures.measure
        and figures.month_start between periods.period_start and periods.period_end
        and not figures.is_provisional
        and figures.value is not null

),

-- The months of a sum of other measures are those of each.
period_figures as (

    select
        {{ key | join(",\n        ") }},
        period,
        period_start,
        period_end,
        span,
        span * count(distinct period_measure) as months,
        count(month_start) as months_loaded,
        case
            when max(comparison) in ('mean_per_month', 'change_of_mean_per_month')
                then {{ ratio("sum(value)", "count(value)") }}
            when span = 1 or max(case when is_sum then 1 else 0 end) = 1 then sum(value)
            else {{ ratio("sum(numerator)", "sum(denominator)") }}
        end as figure,
        case max(formula)
            when 'mean_of_months' then {{ ratio("sum(value)", "count(value)") }}
            when 'mean_of_rounded_months' then {{ ratio("sum(rounded_value)", "count(value)") }}
        end as formula_figure,
        max(case when month_start = stated_month then value end) as stated_month_figure,
        max(case when month_start <> stated_month then value end) as highest_other,
        min(case when month_start <> stated_month then value end) as lowest_other,
        max(case when month_start = period_end then target end) as target
    from figures
    group by {{ key | join(", ") }}, period, period_start, period_end, span

),

-- The number that a figure prints, or that a claim compares with.
stated as (

    select
        statements.*,
        measures.decimals as measure_decimals,
        measures.better,
        coalesce({{ is_sum() }}, false) as is_sum,
        case when statements.kind = 'figure' then statements.published_value else statements.threshold end as stated_text,
        case when statements.kind = 'figure' then statements.unit else measures.unit end as stated_unit
    from statements
    left join measures
        on statements.measure = measures.measure

)

select
    stated.*,
    {{ printed_number("stated.stated_text", "stated.stated_unit") }} as stated_number,
    case when stated.stated_unit = 'duration' then 0 else {{ printed_decimals("stated.stated_text") }} end
        as stated_decimals,
    own.months + coalesce(compared.months, 0) as months,
    own.months_loaded + coalesce(compared.months_loaded, 0) as months_loaded,
    coalesce(own.span = compared.span, true) as is_same_length,
    {%- for column in ["figure", "formula_figure", "stated_month_figure", "highest_other", "lowest_other", "target"] %}
    own.{{ column }},
    {%- endfor %}
    {%- for column in ["figure", "formula_figure"] %}
    compared.{{ column }} as compared_{{ column }},
    {%- endfor %}
    compared.period_start as compared_first_month,
    compared.period_end as compared_last_month
from stated
inner join period_figures as own
    on {{ same_columns("stated", "own", key) }} and own.period = 'stated'
left join period_figures as compared
    on {{ same_columns("stated", "compared", key) }} and compared.period = 'compared'
