{#- Denominators tried for a percentage that no known formula reproduces, from its own two sums n and d. -#}
{%- set searched = [
    {"formula": "n / (d - n)", "numerator": "part", "denominator": "whole - part"},
    {"formula": "n / (d + n)", "numerator": "part", "denominator": "whole + part"},
    {"formula": "(d - n) / d", "numerator": "whole - part", "denominator": "whole"},
] -%}

with

measure_months as (select * from {{ ref("int_measure_monthly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

alternatives as (select * from {{ ref("measure_alternatives") }}),

own as (

    select
        measure_months.force_code,
        measure_months.measure,
        measure_months.month_start,
        case
            when not measure_months.is_additive then measure_months.value
            when measure_months.value is not null or measure_months.denominator = 0
                then {{ figure_numerator("measure_months") }}
        end as value_numerator,
        case when measure_months.is_additive then {{ figure_denominator("measure_months") }} else 1 end
            as value_denominator,
        measure_months.is_provisional,
        measure_months.numerator * measures.denominator_divisor as part,
        measure_months.denominator * measures.numerator_divisor as whole,
        measure_months.formula_measure,
        measures.unit,
        measures.factor,
        measure_months.is_additive,
        {{ is_sum() }} as is_sum
    from measure_months
    inner join measures
        on measure_months.measure = measures.measure

),

formulas as (

    select
        force_code,
        measure,
        measure as formula,
        0 as formula_rank,
        month_start,
        formula_measure as method,
        value_numerator,
        value_denominator,
        is_additive,
        is_sum,
        is_provisional
    from own

    union all

    select
        own.force_code,
        alternatives.measure,
        alternatives.alternative as formula,
        1 as formula_rank,
        own.month_start,
        own.measure as method,
        own.value_numerator,
        own.value_denominator,
        own.is_additive,
        own.is_sum,
        own.is_provisional
    from own
    inner join alternatives
        on own.measure = alternatives.alternative
    {%- for search in searched %}

    union all

    select
        force_code,
        measure,
        '{{ search.formula }}' as formula,
        {{ loop.index + 1 }} as formula_rank,
        month_start,
        formula_measure || ': {{ search.formula }}' as method,
        ({{ search.numerator }}) * factor as value_numerator,
        {{ search.denominator }} as value_denominator,
        is_additive,
        false as is_sum,
        is_provisional
    from own
    where unit = 'percent' and is_additive and not is_sum
    {%- endfor %}

),

final as (

    select
        force_code,
        measure,
        formula,
        cast(formula_rank as integer) as formula_rank,
        month_start,
        method,
        cast(value_numerator as decimal(38, 6)) as value_numerator,
        cast(value_denominator as decimal(38, 6)) as value_denominator,
        is_additive,
        is_sum,
        is_provisional
    from formulas

)

select * from final
