with
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent

published as (select * from {{ ref("int_printed_figure") }}),

formulas as (select * from {{ ref("int_measure_formula") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

-- The warehouse's figure is shown with as many decimals as the paper printed. A text that is not a number, percentage
-- or duration of its unit matches nothing.
parsed as (

    select
        published.force_code,
        published.report_id,
        published.published_on,
        published.section,
        published.name,
        published.measure,
        published.unit,
        published.month_start,
        published.published_value,
        published.published_number,
        measures.label,
        case
            when published.unit = 'duration' then 0
            else coalesce(published.printed_decimals, measures.decimals)
        end as decimals
    from published
    left join measures
        on published.measure = measures.measure

),

candidates as (

    select
        parsed.force_code,
        parsed.report_id,
        parsed.measure,
        parsed.month_start,
        parsed.decimals,
        parsed.published_number,
        formulas.formula_rank,
        formulas.method,
        formulas.value_numerator,
        formulas.value_denominator,
        formulas.is_provisional
    from parsed
    inner join formulas
        on
            parsed.force_code = formulas.force_code
            and parsed.measure = formulas.measure
            and parsed.month_start = formulas.month_start

),

simplest as (
    {{ simplest_explanations(
        "candidates",
        ["force_code", "report_id", "measure", "month_start"],
        ranks=["rounding_rank", "formula_rank"],
    ) }}
),

own as (

    select
        force_code,
        report_id,
        measure,
        month_start,
        is_provisional,
        {{ rounded_quotient("value_numerator", "value_denominator", "(" ~ power_of_ten("decimals") ~ ")") }} as units
    from candidates
    where formula_rank = 0

),

final as (

    select
        cast(parsed.force_code as {{ dbt.type_string() }}) as force_code,
        cast(parsed.report_id as {{ dbt.type_string() }}) as report_id,
        cast(parsed.published_on as date) as published_on,
        cast(parsed.section as {{ dbt.type_string() }}) as section,
        cast(parsed.label as {{ dbt.type_string() }}) as label,
        cast(parsed.name as {{ dbt.type_string() }}) as measure,
        cast(parsed.unit as {{ dbt.type_string() }}) as unit,
        cast(parsed.month_start as date) as month_start,
        cast(parsed.published_value as {{ dbt.type_string() }}) as published_value,
        cast(
            {{ display_units("own.units", "parsed.unit", "parsed.decimals") }} as {{ dbt.type_string() }}
        ) as warehouse_value,
        cast(
            parsed.published_number
            - {{ ratio("own.units", power_of_ten("parsed.decimals")) }}
            as decimal(38, 6)
        ) as difference,
        cast(case
            when own.units is null then 'no_data'
            when simplest.is_own then 'match'
            when not simplest.is_own then 'match_other_formula'
            else 'mismatch'
        end as {{ dbt.type_string() }}) as verdict,
        cast(case when own.units is not null then simplest.method end as {{ dbt.type_string() }}) as method,
        -- The method in words, written at publication.
        cast(null as {{ dbt.type_string() }}) as formula,
        cast(coalesce(own.is_provisional, true) as boolean) as is_provisional
    from parsed
    left join own
        on
            parsed.force_code = own.force_code
            and parsed.report_id = own.report_id
            and parsed.measure = own.measure
            and parsed.month_start = own.month_start
    left join simplest
        on
            parsed.force_code = simplest.force_code
            and parsed.report_id = simplest.report_id
            and parsed.measure = simplest.measure
            and parsed.month_start = simplest.month_start

)

select * from final
