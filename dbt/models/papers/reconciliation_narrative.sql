with
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent

statement_tests as (select * from {{ ref("int_statement_test") }}),

statement_periods as (select * from {{ ref("int_statement_period") }}),

candidates as (select * from {{ ref("int_narrative_candidate") }}),

periods as (

    select
        statement_tests.*,
        statement_tests.comparison in ('change', 'change_of_mean_per_month') as is_change,
        stated.needed,
        base.needed as base_needed
    from statement_tests
    left join statement_periods as stated
        on
            statement_tests.test_key = stated.test_key
            and stated.period = 'stated'
    left join statement_periods as base
        on
            statement_tests.test_key = base.test_key
            and base.period = 'base'
    where statement_tests.kind = 'figure'

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
        decimals,
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
            {{ display_units("own.units", "periods.unit", "own.decimals") }} as {{ dbt.type_string() }}
        ) as warehouse_value,
        cast(
            periods.stated_number - {{ ratio("own.units", power_of_ten("own.decimals")) }} as decimal(38, 6)
        ) as difference,
        cast(case
            when simplest.is_own then 'match'
            when not simplest.is_own then 'match_other_formula'
            when own.units is null then 'no_data'
            else 'mismatch'
        end as {{ dbt.type_string() }}) as verdict,
        cast(simplest.method as {{ dbt.type_string() }}) as method,
        -- The method in words, written at publication.
        cast(null as {{ dbt.type_string() }}) as formula,
        cast(case
            when not periods.is_known then null
            when
                periods.first_month is null
                or periods.last_month is null
                or (periods.is_change and (periods.base_first_month is null or periods.base_last_month is null))
                then 'not stated'
            when periods.base_needed is not null and periods.needed is not null
                then periods.base_needed || ', ' || periods.needed
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
