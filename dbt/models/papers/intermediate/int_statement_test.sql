with

statements as (select * from {{ ref("int_published_statements_current") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

-- A test has a key of one column, because later models join to it often. The length of the
-- report's name keeps reports and statements with slashes in their names apart.
coded as (

    select
        statements.*,
        statements.force_code
        || '/'
        || cast(length(statements.report_id) as {{ dbt.type_string() }})
        || '/'
        || statements.report_id
        || '/'
        || statements.statement_id
        || '/'
        || cast(statements.test_no as {{ dbt.type_string() }}) as test_key,
        measures.measure is not null as is_known,
        measures.unit as measure_unit,
        measures.decimals as measure_decimals,
        measures.better,
        case when statements.kind = 'claim' then statements.threshold else statements.published_value end as stated_text,
        case when statements.kind = 'claim' then measures.unit else statements.unit end as stated_unit,
        coalesce({{ is_sum() }}, false) as is_sum
    from statements
    left join measures
        on statements.measure = measures.measure

),

recognised as (
    {{ printed_figures(
        "coded",
        text="stated_text",
        unit="stated_unit",
        number="stated_number",
        decimals="stated_decimals",
    ) }}
),

final as (

    select
        test_key,
        force_code,
        report_id,
        statement_id,
        test_no,
        published_on,
        kind,
        section,
        statement,
        measure,
        is_known,
        measure_unit,
        measure_decimals,
        better,
        is_sum,
        -- From August to January nearly every measure follows the season, so what rises is above the year before.
        case
            when comparison in ('rises', 'falls') then comparison || '_year_on_year'
            else comparison
        end as comparison,
        first_month,
        last_month,
        base_first_month,
        base_last_month,
        other_measures,
        stated_month,
        unit,
        published_value,
        stated_number,
        stated_decimals
    from recognised

)

select * from final
