with
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent

statement_tests as (select * from {{ ref("int_statement_test") }}),

month_figures as (select * from {{ ref("int_printed_figure") }}),

statement_periods as (select * from {{ ref("int_statement_period") }}),

formulas as (select * from {{ ref("int_measure_formula") }}),

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
        figures.first_month is null or figures.last_month is null as is_open,
        stated.months,
        stated.months_loaded,
        stated.loaded,
        base.months as base_months
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

-- The whole months of the measure, where the paper does not state them.
open_months as (

    select
        periods.test_key,
        formulas.month_start,
        {{ month_number("formulas.month_start") }} as month_number
    from periods
    inner join formulas
        on
            periods.force_code = formulas.force_code
            and periods.measure = formulas.measure
    where
        periods.is_open
        and not periods.is_change
        and formulas.formula_rank = 0
        and not formulas.is_provisional

),

-- A span with a gap gives no figure, because a figure needs all months of its span.
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

-- The months that a figure is tried over. Those that the paper states go before all others, and only when all are
-- loaded; other formulas are tried over these months only, because a further relaxation makes a chance match more
-- likely.
spans as (

    select
        test_key,
        'stated' as period,
        0 as period_rank,
        first_month,
        last_month,
        months,
        true as is_any_formula_tried,
        cast(null as {{ dbt.type_string() }}) as step
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
        cast(null as {{ dbt.type_string() }}) as step
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
        'loaded ' || loaded as step
    from periods
    where not is_change and months_loaded < months

    union all

    select
        test_key,
        'stated' as period,
        cast(row_number() over (
            partition by test_key
            order by months desc nulls last, last_month desc nulls last
        ) as bigint) as period_rank,
        first_month,
        last_month,
        months,
        false as is_any_formula_tried,
        'any ' || {{ months_text("first_month", "last_month") }} as step
    from open_spans

),

final as (

    select
        spans.*,
        periods.force_code,
        periods.measure,
        periods.is_change,
        periods.is_mean,
        periods.decimals,
        periods.month_decimals,
        periods.stated_number
    from spans
    inner join periods
        on spans.test_key = periods.test_key

)

select * from final
