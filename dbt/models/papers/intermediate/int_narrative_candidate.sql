{#- How the months of a period are combined. For a figure described as a mean, means are tried first, for others
    last; `step` orders the means. A measure that does not add up has a value for one month only. -#}
{%- set weightings = [
    {
        "name": "total", "is_mean": "false", "step": 0,
        "numerator": "numerator", "denominator": "greatest_denominator", "only": "is_sum",
    },
    {
        "name": "pooled", "is_mean": "false", "step": 0,
        "numerator": "numerator", "denominator": "denominator", "only": "not is_sum and (is_additive or months = 1)",
    },
    {
        "name": "mean_per_month", "is_mean": "true", "step": 0,
        "numerator": "numerator", "denominator": "denominator", "only": "is_sum",
    },
    {
        "name": "mean_of_months", "is_mean": "true", "step": 0,
        "numerator": "trillionths", "denominator": "months * 1000000000000",
        "only": "not is_sum and months_with_value = months",
    },
    {
        "name": "mean_of_rounded_months", "is_mean": "true", "step": 1,
        "numerator": "rounded_values", "denominator": "months * " ~ power_of_ten("month_decimals"),
        "only": "not is_sum and months > 1 and months_with_value = months",
    },
] -%}
{%- set ranks = ["test_key", "decimals", "stated_number", "period_rank", "formula_rank"] -%}
{%- set keys = ranks + ["formula", "period", "period_step", "is_change", "is_mean"] -%}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

spans as (select * from {{ ref("int_narrative_span") }}),

formulas as (select * from {{ ref("int_measure_formula") }}),

span_months as (

    select
        spans.test_key,
        spans.period,
        spans.period_rank,
        spans.months,
        case when spans.step is not null then '; ' || spans.step else '' end as period_step,
        spans.is_change,
        spans.is_mean,
        spans.decimals,
        spans.month_decimals,
        spans.stated_number,
        formulas.formula,
        formulas.formula_rank,
        formulas.method as formula_method,
        formulas.is_sum,
        formulas.is_additive,
        formulas.value_numerator,
        formulas.value_denominator,
        {{ trillionths("formulas.value_numerator", "formulas.value_denominator") }} as value_trillionths,
        {{ rounded_quotient(
            "formulas.value_numerator", "formulas.value_denominator", "(" ~ power_of_ten("spans.month_decimals") ~ ")"
        ) }} as rounded_value
    from spans
    inner join formulas
        on
            spans.force_code = formulas.force_code
            and spans.measure = formulas.measure
            and formulas.month_start between spans.first_month and spans.last_month
            and (spans.is_any_formula_tried or formulas.formula_rank = 0)
    where not formulas.is_provisional

),

summed as (

    select
        {{ keys | join(",\n        ") }},
        months,
        month_decimals,
        is_sum,
        is_additive,
        -- The own formula of a measure may change from month to month; the others do not.
        max(formula_method) as formula_method,
        sum(value_numerator) as numerator,
        sum(value_denominator) as denominator,
        max(value_denominator) as greatest_denominator,
        sum(value_trillionths) as trillionths,
        sum(rounded_value) as rounded_values,
        count(value_trillionths) as months_with_value
    from span_months
    group by all
    -- A month without a figure by the formula is never skipped.
    having count(value_numerator) = months

),

weighted as (
    {%- for weighting in weightings %}

    select
        {{ keys | join(",\n        ") }},
        formula_method,
        '{{ weighting.name }}' as weighting,
        -- One step more than any mean has.
        case when is_mean = {{ weighting.is_mean }} then {{ weighting.step }} else {{ weighting.step + 2 }} end as weighting_rank,
        {{ weighting.numerator }} as value_numerator,
        {{ weighting.denominator }} as value_denominator
    from summed
    where {{ weighting.only }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

made as (

    select
        {{ keys | join(",\n        ") }},
        weighting,
        weighting_rank,
        cast(value_numerator as decimal(38, 6)) as value_numerator,
        cast(value_denominator as decimal(38, 6)) as value_denominator,
        case when formula_rank = 0 then 'own' else formula_method end || '; ' || weighting || period_step as method
    from weighted

),

-- Differences of two periods computed by the same method. A paper may also subtract the printed figures.
changes as (

    select
        later.*,
        {{ trillionths("later.value_numerator", "later.value_denominator") }}
        - {{ trillionths("earlier.value_numerator", "earlier.value_denominator") }} as change_trillionths
        {%- for rounding in roundings() %},
        {{ rounded_quotient(
            "later.value_numerator", "later.value_denominator", "(" ~ power_of_ten("later.decimals") ~ ")", rounding.name
        ) }}
        - {{ rounded_quotient(
            "earlier.value_numerator", "earlier.value_denominator", "(" ~ power_of_ten("later.decimals") ~ ")", rounding.name
        ) }} as change_{{ rounding.name }}
        {%- endfor %}
    from made as later
    inner join made as earlier
        on
            later.test_key = earlier.test_key
            and later.formula = earlier.formula
            and later.weighting = earlier.weighting
            and earlier.period = 'base'
    where later.period = 'stated'

),

final as (

    select
        {{ ranks | join(",\n        ") }},
        0 as difference_rank,
        weighting_rank,
        value_numerator,
        value_denominator,
        method
    from made
    where not is_change

    union all

    select
        {{ ranks | join(",\n        ") }},
        0 as difference_rank,
        weighting_rank,
        cast(change_trillionths as decimal(38, 6)) as value_numerator,
        cast(1000000000000 as decimal(38, 6)) as value_denominator,
        method
    from changes
    {%- for rounding in roundings() %}

    union all

    select
        {{ ranks | join(",\n        ") }},
        {{ loop.index }} as difference_rank,
        weighting_rank,
        cast(change_{{ rounding.name }} as decimal(38, 6)) as value_numerator,
        cast({{ power_of_ten("decimals") }} as decimal(38, 6)) as value_denominator,
        method || '; difference{{ rounding.step }}' as method
    from changes
    {%- endfor %}

)

select * from final
