with

statement_months as (select * from {{ ref("int_statement_month") }}),

months as (

    select distinct
        test_key,
        period,
        month_start,
        is_compared as is_whole
    from statement_months

),

numbered as (

    select
        *,
        {{ month_number("month_start") }} - cast(row_number() over (
            partition by test_key, period, is_whole
            order by month_start asc nulls last
        ) as bigint) as run
    from months

),

runs as (

    select
        test_key,
        period,
        is_whole,
        min(month_start) as first_month,
        max(month_start) as last_month,
        count(*) as months
    from numbered
    group by
        test_key,
        period,
        is_whole,
        run

),

texts as (

    select
        *,
        {{ months_text("first_month", "last_month") }} as months_text
    from runs

),

final as (

    select
        test_key,
        period,
        min(first_month) as first_month,
        max(last_month) as last_month,
        cast(sum(months) as bigint) as months,
        cast(sum(case when is_whole then months else 0 end) as bigint) as months_loaded,
        {{ joined_text("case when is_whole then months_text end") }} as loaded,
        {{ joined_text("case when not is_whole then months_text end") }} as needed
    from texts
    group by all

)

select * from final
