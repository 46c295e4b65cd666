-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

tests as (select * from {{ ref("int_statement_test") }}),

measure_months as (select * from {{ ref("int_measure_monthly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

-- A comparison with the previous year needs no explicit base period.
periods as (

    select
        force_code,
        test_key,
        'stated' as period,
        first_month,
        last_month
    from tests

    union all

    select
        force_code,
        test_key,
        'base' as period,
        coalesce(
            base_first_month,
            case when comparison like '%_year_on_year' then {{ date_plus("first_month", -12, "month") }} end
        ) as first_month,
        coalesce(
            base_last_month,
            case when comparison like '%_year_on_year' then {{ date_plus("last_month", -12, "month") }} end
        ) as last_month
    from tests

),

bounds as (

    select
        min(first_month) as first_day,
        max(last_month) as last_day
    from periods

),

days as (
    {{ date_series("first_day", "last_day", "bounds") }}
),

months as (

    select distinct {{ month_start("date_day") }} as month_start
    from days

),

others as (

    select
        test_key,
        {{ list_items("other_measures") }} as measure
    from tests

),

named as (

    select
        test_key,
        measure,
        false as is_other
    from tests

    union all

    select
        test_key,
        trim(measure) as measure,
        true as is_other
    from others
    where trim(measure) <> ''

),

-- A sum may name a measure twice.
named_once as (

    select
        test_key,
        measure,
        is_other,
        count(*) as times
    from named
    group by all

),

final as (

    select
        periods.test_key,
        periods.period,
        named_once.measure,
        named_once.is_other,
        cast(named_once.times as bigint) as times,
        months.month_start,
        measures.measure is not null as is_known,
        measures.method in ('sum', 'ratio') as is_additive,
        coalesce({{ is_sum() }}, false) as is_sum,
        case
            when not measure_months.is_additive then measure_months.value
            when measure_months.value is not null or measure_months.denominator = 0
                then {{ figure_numerator("measure_months") }}
        end as value_numerator,
        case when measure_months.is_additive then {{ figure_denominator("measure_months") }} else 1 end
            as value_denominator,
        measure_months.days_in_month,
        measure_months.target,
        coalesce(not measure_months.is_provisional, false) as is_whole,
        min(case when not measure_months.is_provisional then 1 else 0 end) over (
            partition by periods.test_key, periods.period, months.month_start
        ) = 1 as is_compared
    from periods
    inner join named_once
        on periods.test_key = named_once.test_key
    inner join months
        on months.month_start between periods.first_month and periods.last_month
    left join measures
        on named_once.measure = measures.measure
    left join measure_months
        on
            periods.force_code = measure_months.force_code
            and named_once.measure = measure_months.measure
            and months.month_start = measure_months.month_start

)

select * from final
