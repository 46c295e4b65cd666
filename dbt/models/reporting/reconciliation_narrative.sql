{#- What becomes of a period's months. A figure that is said to be a mean is tried with the means first, another with them
    last; `step` orders the means. A measure that does not add up has a value for one month only. -#}
{%- set span_keys = ["test_key", "period_rank", "formula_rank", "formula"] -%}
{%- set weightings = [
    {"name": "total", "is_mean": "false", "step": 0},
    {"name": "pooled", "is_mean": "false", "step": 0},
    {"name": "mean per month", "is_mean": "true", "step": 0},
    {"name": "mean of months", "is_mean": "true", "step": 0},
    {"name": "mean of rounded months", "is_mean": "true", "step": 1},
] -%}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

statement_tests as (

    select * from {{ ref("int_statement_test") }}

),

month_figures as (

    select * from {{ ref("int_printed_figure") }}

),

statement_periods as (

    select * from {{ ref("int_statement_period") }}

),

formulas as (

    select * from {{ ref("int_measure_formula") }}

),

-- A paper's mean of rounded figures is of the figures as its tables print them.
printed_months as (

    select
        force_code,
        report_id,
        measure,
        max(printed_decimals) as decimals
    from month_figures
    group by all

),

figures as (

    select
        statement_tests.*,
        statement_tests.comparison in ('change', 'change_of_mean_per_month') as is_change,
        statement_tests.comparison in ('mean_per_month', 'change_of_mean_per_month') as is_mean,
        case
            when statement_tests.unit = 'duration' then 0
            else coalesce(statement_tests.stated_decimals, statement_tests.measure_decimals)
        end as decimals,
        case
            when statement_tests.measure_unit = 'duration' then 0
            else coalesce(printed_months.decimals, statement_tests.measure_decimals)
        end as month_decimals
    from statement_tests
    left join printed_months
        on
            statement_tests.force_code = printed_months.force_code
            and statement_tests.report_id = printed_months.report_id
            and statement_tests.measure = printed_months.measure
    where statement_tests.kind = 'figure'

),

periods as (

    select
        figures.*,
        figures.first_month is null
        or figures.last_month is null
        or (figures.is_change and (figures.base_first_month is null or figures.base_last_month is null)) as is_open,
        stated.months,
        stated.months_loaded,
        stated.loaded,
        stated.needed,
        base.months as base_months,
        base.months_loaded as base_months_loaded,
        base.needed as base_needed
    from figures
    left join statement_periods as stated
        on
            figures.test_key = stated.test_key
            and stated.period = 'stated'
    left join statement_periods as base
        on
            figures.test_key = base.test_key
            and base.period = 'base'

),

-- The whole months of the measure of each figure, by every formula.
formula_months as (

    select
        periods.test_key,
        periods.is_open and not periods.is_change as is_span_open,
        periods.month_decimals,
        formulas.*
    from periods
    inner join formulas
        on
            periods.force_code = formulas.force_code
            and periods.measure = formulas.measure
    where not formulas.is_provisional

),

-- Where the paper does not state the months.
open_months as (

    select
        test_key,
        month_start,
        {{ month_number("month_start") }} as month_number
    from formula_months
    where is_span_open and formula_rank = 0

),

-- A span with a gap comes to nothing, since a figure is made of all months of its span.
open_spans as (

    select
        firsts.test_key,
        firsts.month_start as first_month,
        lasts.month_start as last_month,
        lasts.month_number - firsts.month_number + 1 as months
    from open_months as firsts
    inner join open_months as lasts
        on firsts.test_key = lasts.test_key
    where firsts.month_start <= lasts.month_start

),

-- The months that a figure is tried over. Those that the paper states go before all others, and only when they are all
-- there; other formulas are tried over them alone, since whatever else is given up makes chance the better explanation.
spans as (

    select
        test_key,
        'stated' as period,
        0 as period_rank,
        first_month,
        last_month,
        months,
        true as is_any_formula_tried,
        '' as words
    from periods

    union all

    select
        test_key,
        'base' as period,
        0 as period_rank,
        base_first_month as first_month,
        base_last_month as last_month,
        base_months as months,
        true as is_any_formula_tried,
        '' as words
    from periods
    where is_change

    union all

    select
        test_key,
        'stated' as period,
        1 as period_rank,
        first_month,
        last_month,
        months_loaded as months,
        false as is_any_formula_tried,
        concat(
            ' over the loaded months ', loaded, ', instead of ', {{ months_text("first_month", "last_month") }}
        ) as words
    from periods
    where not is_change and months_loaded < months

    union all

    select
        test_key,
        'stated' as period,
        row_number() over (
            partition by test_key
            order by months desc nulls last, last_month desc nulls last
        ) as period_rank,
        first_month,
        last_month,
        months,
        false as is_any_formula_tried,
        concat(' over ', {{ months_text("first_month", "last_month") }}, ', where the paper states no period') as words
    from open_spans

),

span_months as (

    select
        spans.test_key,
        spans.period,
        spans.period_rank,
        spans.months,
        spans.words as period_words,
        formula_months.formula,
        formula_months.formula_rank,
        formula_months.words as formula_words,
        formula_months.is_sum,
        formula_months.is_additive,
        formula_months.month_decimals,
        formula_months.value_numerator,
        formula_months.value_denominator,
        {{ trillionths("formula_months.value_numerator", "formula_months.value_denominator") }} as value_trillionths,
        {{ rounded_quotient(
            "formula_months.value_numerator",
            "formula_months.value_denominator",
            "(" ~ power_of_ten("formula_months.month_decimals") ~ ")",
        ) }} as rounded_value
    from spans
    inner join formula_months
        on
            spans.test_key = formula_months.test_key
            and formula_months.month_start between spans.first_month and spans.last_month
            and (spans.is_any_formula_tried or formula_months.formula_rank = 0)

),

summed as (

    select
        {{ span_keys | join(", ") }},
        period,
        months,
        period_words,
        -- The words of a measure's own formula change with it; those of the others do not.
        max(formula_words) as formula_words,
        month_decimals,
        is_sum,
        is_additive,
        sum(value_numerator) as numerator,
        sum(value_denominator) as denominator,
        max(value_denominator) as greatest_denominator,
        sum(value_trillionths) as trillionths,
        sum(rounded_value) as rounded_values,
        count(value_trillionths) as months_with_value
    from span_months
    group by
        {{ span_keys | join(", ") }},
        period,
        months,
        period_words,
        month_decimals,
        is_sum,
        is_additive
    -- A month that the formula does not have is never passed over.
    having count(value_numerator) = months

),

weighted as (
    {%- for weighting in weightings %}

    select
        {{ span_keys | join(", ") }},
        period,
        period_words,
        formula_words,
        '{{ weighting.name }}' as weighting,
        {{ weighting.is_mean }} as is_mean,
        {{ weighting.step }} as step,
        {%- if weighting.name == "total" %}
        numerator as value_numerator,
        greatest_denominator as value_denominator
    from summed
    where is_sum
        {%- elif weighting.name == "mean per month" %}
        numerator as value_numerator,
        denominator as value_denominator
    from summed
    where is_sum
        {%- elif weighting.name == "pooled" %}
        numerator as value_numerator,
        denominator as value_denominator
    from summed
    where not is_sum and (is_additive or months = 1)
        {%- elif weighting.name == "mean of months" %}
        trillionths as value_numerator,
        months * 1000000000000 as value_denominator
    from summed
    where not is_sum and months_with_value = months
        {%- else %}
        rounded_values as value_numerator,
        months * {{ power_of_ten("month_decimals") }} as value_denominator
    from summed
    where not is_sum and months > 1 and months_with_value = months
        {%- endif %}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

worded as (

    select
        weighted.test_key,
        weighted.period_rank,
        weighted.formula_rank,
        weighted.formula,
        weighted.period,
        weighted.weighting,
        -- One step more than the means among themselves take.
        case when weighted.is_mean = figures.is_mean then weighted.step else weighted.step + 2 end as weighting_rank,
        cast(weighted.value_numerator as decimal(38, 6)) as value_numerator,
        cast(weighted.value_denominator as decimal(38, 6)) as value_denominator,
        figures.is_change,
        figures.decimals,
        figures.stated_number,
        case
            when weighted.formula_rank = 0 then concat(weighted.weighting, weighted.period_words)
            else concat(weighted.formula_words, ', ', weighted.weighting, weighted.period_words)
        end as words
    from weighted
    inner join figures
        on weighted.test_key = figures.test_key

),

-- Of two periods that were made alike. A paper may also take the printed figures from each other.
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
    from worded as later
    inner join worded as earlier
        on
            later.test_key = earlier.test_key
            and later.formula = earlier.formula
            and later.weighting = earlier.weighting
            and earlier.period = 'base'
    where later.period = 'stated'

),

candidates as (

    select
        {{ span_keys | join(", ") }},
        0 as difference_rank,
        weighting_rank,
        decimals,
        stated_number,
        value_numerator,
        value_denominator,
        words
    from worded
    where not is_change

    union all

    select
        {{ span_keys | join(", ") }},
        0 as difference_rank,
        weighting_rank,
        decimals,
        stated_number,
        cast(change_trillionths as decimal(38, 6)) as value_numerator,
        cast(1000000000000 as decimal(38, 6)) as value_denominator,
        words
    from changes
    {%- for rounding in roundings() %}

    union all

    select
        {{ span_keys | join(", ") }},
        {{ loop.index }} as difference_rank,
        weighting_rank,
        decimals,
        stated_number,
        cast(change_{{ rounding.name }} as decimal(38, 6)) as value_numerator,
        cast({{ power_of_ten("decimals") }} as decimal(38, 6)) as value_denominator,
        concat(words, ', difference of the rounded figures{{ rounding.words }}') as words
    from changes
    {%- endfor %}

),

simplest as (
    {{ simplest_explanations(
        "candidates",
        ["test_key"],
        ranks=["period_rank", "rounding_rank", "formula_rank", "difference_rank", "weighting_rank"],
        number="stated_number",
    ) }}
),

own as (

    select
        test_key,
        {{ rounded_quotient("value_numerator", "value_denominator", "(" ~ power_of_ten("decimals") ~ ")") }} as units
    from candidates
    where period_rank = 0 and formula_rank = 0 and difference_rank = 0 and weighting_rank = 0

),

final as (

    select
        cast(periods.force_code as {{ dbt.type_string() }}) as force_code,
        cast(periods.report_id as {{ dbt.type_string() }}) as report_id,
        cast(periods.statement_id as {{ dbt.type_string() }}) as statement_id,
        cast(periods.test_no as bigint) as test_no,
        cast(periods.published_on as date) as published_on,
        cast(periods.statement as {{ dbt.type_string() }}) as statement,
        cast(periods.section as {{ dbt.type_string() }}) as section,
        cast(periods.measure as {{ dbt.type_string() }}) as measure,
        cast(periods.comparison as {{ dbt.type_string() }}) as comparison,
        cast(periods.first_month as date) as first_month,
        cast(periods.last_month as date) as last_month,
        cast(periods.published_value as {{ dbt.type_string() }}) as published_value,
        cast(
            {{ display_units("own.units", "periods.unit", "periods.decimals") }} as {{ dbt.type_string() }}
        ) as warehouse_value,
        cast(
            periods.stated_number - {{ ratio("own.units", power_of_ten("periods.decimals")) }} as decimal(38, 6)
        ) as difference,
        cast(case
            when simplest.is_own then 'match'
            when not simplest.is_own then 'match_other_formula'
            when own.units is null then 'no_data'
            else 'mismatch'
        end as {{ dbt.type_string() }}) as verdict,
        cast(simplest.explanation as {{ dbt.type_string() }}) as formula,
        cast(case
            when not periods.is_known then null
            when periods.is_open then 'not stated'
            when periods.base_needed is not null and periods.needed is not null
                then concat(periods.base_needed, ', ', periods.needed)
            else coalesce(periods.base_needed, periods.needed)
        end as {{ dbt.type_string() }}) as months_needed,
        cast(own.units is null as boolean) as is_provisional
    from periods
    left join own
        on periods.test_key = own.test_key
    left join simplest
        on periods.test_key = simplest.test_key

)

select * from final
