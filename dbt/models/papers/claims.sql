{%- set key = ["force_code", "report_id", "statement_id", "test_no"] -%}
{%- set over_years = "('rises', 'falls', 'rises_year_on_year', 'falls_year_on_year')" -%}
{%- set over_months = "('peaks_in', 'lowest_in')" -%}

with

claims as (

    select * from {{ ref("int_statement") }}
    where kind = 'claim'

),

figures as (select * from {{ ref("int_statement_figure") }}),

-- All measures that a sum adds up.
others as (

    select
        {{ key | join(", ") }},
        sum(value) as value,
        min(months) as months,
        min(months_loaded) as months_loaded
    from figures
    where period = 'others'
    group by {{ key | join(", ") }}

),

gathered as (

    select
        claims.*,
        stated.value as own_value,
        stated.stated_month_value,
        stated.highest_other,
        stated.lowest_other,
        stated.target,
        base.value as compared_value,
        base.first_month as compared_first_month,
        base.last_month as compared_last_month,
        others.value as others_value,
        base.months = stated.months or not claims.is_sum as is_comparable,
        stated.months + coalesce(base.months, 0) + coalesce(others.months, 0) as months,
        stated.months_loaded + coalesce(base.months_loaded, 0) + coalesce(others.months_loaded, 0) as months_loaded
    from claims
    inner join figures as stated
        on
            {{ same_columns("claims", "stated", key) }}
            and stated.period = 'stated'
    left join figures as base
        on
            {{ same_columns("claims", "base", key) }}
            and base.period = 'base'
            and claims.comparison in {{ over_years }}
    left join others
        on {{ same_columns("claims", "others", key) }}

),

-- Each comparison is of one figure with another, and expects it to be higher, lower or equal.
compared as (

    select
        *,
        months_loaded = months as is_complete,
        case
            when stated_unit = 'duration' then 0
            when stated_decimals > measure_decimals then stated_decimals
            else measure_decimals
        end as decimals,
        case
            when comparison in ('more_than', 'peaks_in', 'rises', 'rises_year_on_year') then 'higher'
            when comparison in ('less_than', 'lowest_in', 'falls', 'falls_year_on_year') then 'lower'
            when comparison in ('equals', 'is_the_sum_of') then 'equal'
            when comparison = 'within_benchmark' then better
        end as expected,
        case when comparison in {{ over_months }} then stated_month_value else own_value end as value,
        case
            when comparison in ('more_than', 'less_than', 'equals') then stated_number
            when comparison = 'peaks_in' then highest_other
            when comparison = 'lowest_in' then lowest_other
            when comparison = 'within_benchmark' then target
            when months_loaded < months then null
            when comparison = 'is_the_sum_of' then others_value
            when comparison in {{ over_years }} and is_comparable then compared_value
        end as base_value
    from gathered

),

-- Two figures that print the same are equal.
related as (

    select
        *,
        {{ rounded("value", "decimals") }} - {{ rounded("base_value", "decimals") }} as difference
    from compared

),

-- A further month can end a peak, but not restore one. A share may change either way; a total only grows.
judged as (

    select
        *,
        case
            when coalesce(expected, 'neither') = 'neither' or difference is null then 'not_testable'
            when
                sign(difference) = case expected when 'higher' then 1 when 'lower' then -1 else 0 end
                then case
                    when is_complete then 'supported'
                    when is_sum and comparison in ('less_than', 'equals') then 'not_testable'
                    else 'supported_so_far'
                end
            when is_complete or comparison in {{ over_months }} then 'contradicted'
            else 'not_testable'
        end as verdict
    from related

)

select
    force_code,
    report_id,
    statement_id,
    test_no,
    published_on,
    statement,
    section,
    measure,
    comparison,
    first_month,
    last_month,
    value,
    base_value,
    verdict,
    -- The worst of its tests.
    cast(case min(case verdict when 'contradicted' then 1 when 'not_testable' then 2 when 'supported_so_far' then 3 end)
            over (partition by force_code, report_id, statement_id)
        when 1 then 'contradicted'
        when 2 then 'not_testable'
        when 3 then 'supported_so_far'
        else 'supported'
    end as {{ dbt.type_string() }}) as claim_verdict,
    cast(trim(
        case
            when measure_decimals is null then 'The catalogue has no such measure.'
            when coalesce(expected, 'neither') = 'neither' then 'None of the comparisons can say this.'
            when months is null then 'The paper states no period.'
            when difference is null then case when is_complete then 'There is no figure to compare.' else '' end
            else {{ display_value("value", "stated_unit", "decimals") }}
            || case
                when comparison in {{ over_months }} then ' in ' || {{ month_words("stated_month") }}
                else ' over ' || {{ month_words("first_month", "last_month") }}
            end
            || case sign(difference) when 1 then ', more than ' when -1 then ', less than ' else ', the same as ' end
            || case when comparison = 'within_benchmark' then 'the target of ' else '' end
            || {{ display_value("base_value", "stated_unit", "decimals") }}
            || case
                when comparison = 'peaks_in'
                    then ' in the highest other month of ' || {{ month_words("first_month", "last_month") }}
                when comparison = 'lowest_in'
                    then ' in the lowest other month of ' || {{ month_words("first_month", "last_month") }}
                when comparison = 'is_the_sum_of' then ', the sum of the other measures'
                when comparison in {{ over_years }}
                    then ' over ' || {{ month_words("compared_first_month", "compared_last_month") }}
                else ''
            end
            || '.'
        end
        || case
            when months_loaded < months
                then ' '
                || cast(months_loaded as {{ dbt.type_string() }})
                || ' of the '
                || cast(months as {{ dbt.type_string() }})
                || ' months are loaded.'
            else ''
        end
    ) as {{ dbt.type_string() }}) as evidence,
    cast(coalesce(not is_complete, true) as boolean) as is_provisional
from judged
