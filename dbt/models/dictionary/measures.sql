with

measures as (select * from {{ ref("measure_catalogue") }}),

sections as (select * from {{ ref("measure_sections") }}),

synonyms as (select * from {{ ref("measure_synonyms") }}),

final as (

    select
        cast(measures.measure as {{ dbt.type_string() }}) as measure,
        cast(measures.section as {{ dbt.type_string() }}) as section,
        cast(sections.title as {{ dbt.type_string() }}) as section_title,
        cast(sections.section_order as bigint) as section_order,
        cast(measures.name as {{ dbt.type_string() }}) as name,
        cast(measures.label as {{ dbt.type_string() }}) as label,
        cast(measures.short_label as {{ dbt.type_string() }}) as short_label,
        cast(measures.unit as {{ dbt.type_string() }}) as unit,
        cast(measures.decimals as bigint) as decimals,
        cast(measures.better as {{ dbt.type_string() }}) as better,
        cast(measures.owner as {{ dbt.type_string() }}) as owner,
        cast(measures.definition as {{ dbt.type_string() }}) as definition,
        cast(nullif(measures.numerator, '') as {{ dbt.type_string() }}) as numerator,
        cast(nullif(measures.denominator, '') as {{ dbt.type_string() }}) as denominator,
        cast(measures.method in ('sum', 'ratio') as boolean) as is_additive,
        cast({{ is_sum() }} as boolean) as is_sum,
        cast(measures.in_board_paper as boolean) as in_board_paper,
        cast(measures.is_headline as boolean) as is_headline,
        cast(measures.board_paper_order as bigint) as board_paper_order,
        cast(measures.sources as {{ dbt.type_string() }}) as sources,
        cast(measures.factor as bigint) as factor,
        cast(measures.numerator_divisor as bigint) as numerator_divisor,
        cast(measures.denominator_divisor as bigint) as denominator_divisor,
        cast(nullif(measures.breakdown, '') as {{ dbt.type_string() }}) as breakdown,
        cast(measures.chart_type as {{ dbt.type_string() }}) as chart_type,
        cast(measures.has_weekly_chart as boolean) as has_weekly_chart,
        cast(
            nullif(concat_ws(', ', synonyms.synonyms, section_synonyms.synonyms), '') as {{ dbt.type_string() }}
        ) as synonyms
    from measures
    left join sections
        on measures.section = sections.section
    left join synonyms
        on measures.name = synonyms.term
    left join synonyms as section_synonyms
        on measures.section = section_synonyms.term

)

select * from final
