-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
with

statements as (

    select * from {{ ref("int_published_statements_current") }}

),

measure_months as (

    select * from {{ ref("int_measure_monthly") }}

),

measures as (

    select * from {{ ref("measure_catalogue") }}

),

-- A comparison with the year before needs no base period in so many words.
periods as (

    select
        force_code,
        report_id,
        statement_id,
        test_no,
        'stated' as period,
        first_month,
        last_month
    from statements

    union all

    select
        force_code,
        report_id,
        statement_id,
        test_no,
        'base' as period,
        case
            when base_first_month is null and comparison like '%_year_on_year'
                then {{ date_plus("first_month", -12, "month") }}
            else base_first_month
        end as first_month,
        case
            when base_last_month is null and comparison like '%_year_on_year'
                then {{ date_plus("last_month", -12, "month") }}
            else base_last_month
        end as last_month
    from statements

),

bounds as (

    select
        min(first_month) as first_day,
        max(last_month) as last_day
    from periods
    where first_month is not null and last_month is not null

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
        force_code,
        report_id,
        statement_id,
        test_no,
        {{ list_items("other_measures") }} as measure
    from statements
    where other_measures is not null

),

named as (

    select
        force_code,
        report_id,
        statement_id,
        test_no,
        measure,
        false as is_other
    from statements

    union all

    select
        force_code,
        report_id,
        statement_id,
        test_no,
        trim(measure) as measure,
        true as is_other
    from others
    where trim(measure) <> ''

),

-- A sum may name a measure twice.
named_once as (

    select
        force_code,
        report_id,
        statement_id,
        test_no,
        measure,
        is_other,
        count(*) as times
    from named
    group by
        force_code,
        report_id,
        statement_id,
        test_no,
        measure,
        is_other

),

final as (

    select
        periods.force_code,
        periods.report_id,
        periods.statement_id,
        periods.test_no,
        periods.period,
        named_once.measure,
        named_once.is_other,
        cast(named_once.times as bigint) as times,
        months.month_start,
        measures.measure is not null as is_known,
        measures.unit,
        measures.decimals,
        measures.is_additive,
        coalesce(measures.is_additive and coalesce(measures.denominator, '') = '', false) as is_sum,
        measure_months.value_numerator,
        measure_months.value_denominator,
        measure_months.days_in_month,
        measure_months.target,
        coalesce(not measure_months.is_provisional, false) as is_whole
    from periods
    inner join named_once
        on
            periods.force_code = named_once.force_code
            and periods.report_id = named_once.report_id
            and periods.statement_id = named_once.statement_id
            and periods.test_no = named_once.test_no
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
