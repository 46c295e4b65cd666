{%- set key = ["force_code", "report_id", "statement_id", "test_no"] -%}
{%- set period = month_words("first_month", "last_month") -%}
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

-- Each comparison is of one figure with another, and expects it to be higher, lower or equal.
compared as (

    select
        *,
        case when stated_decimals > measure_decimals then stated_decimals else measure_decimals end as decimals,
        case
            when comparison in ('more_than', 'peaks_in', 'rises', 'rises_year_on_year') then 'higher'
            when comparison in ('less_than', 'lowest_in', 'falls', 'falls_year_on_year') then 'lower'
            when comparison in ('equals', 'is_the_sum_of') then 'equal'
            when comparison = 'within_benchmark' and better <> 'neither' then better
        end as expected,
        case when comparison in ('peaks_in', 'lowest_in') then stated_month_figure else figure end as value,
        comparison in ('peaks_in', 'lowest_in') as is_of_month,
        case
            when comparison in ('more_than', 'less_than', 'equals') then stated_number
            when comparison = 'peaks_in' then highest_other
            when comparison = 'lowest_in' then lowest_other
            when comparison = 'within_benchmark' then target
            -- Two periods, or a sum and its parts, are compared as a whole.
            when months_loaded = months and (is_same_length or not is_sum) then compared_figure
        end as base_value
    from {{ ref("int_statement") }}
    where kind = 'claim'

),

-- Two figures that print the same are equal.
related as (

    select
        *,
        coalesce(months_loaded = months, false) as is_complete,
        case sign({{ rounded("value", "decimals") }} - {{ rounded("base_value", "decimals") }})
            when 1 then 'higher'
            when -1 then 'lower'
            when 0 then 'equal'
        end as relation
    from compared

),

-- A further month can end a peak, but not restore one. A share may change either way; a total only grows.
judged as (

    select
        *,
        case
            when expected is null or relation is null then 'not_testable'
            when is_complete and relation = expected then 'supported'
            when is_complete then 'contradicted'
            when is_of_month and relation <> expected then 'contradicted'
            when relation <> expected then 'not_testable'
            when is_sum and comparison in ('less_than', 'equals') then 'not_testable'
            else 'supported_so_far'
        end as verdict
    from related

)

select
    {{ key | join(",\n    ") }},
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
    -- The worst verdict of its tests.
    case min(case verdict when 'contradicted' then 1 when 'not_testable' then 2 when 'supported_so_far' then 3 end)
            over (partition by force_code, report_id, statement_id)
        when 1 then 'contradicted'
        when 2 then 'not_testable'
        when 3 then 'supported_so_far'
        else 'supported'
    end as claim_verdict,
    trim(case
        when measure_decimals is null then 'The catalogue has no such measure. '
        when expected is null then 'None of the comparisons can say this. '
        when months is null then 'The paper states no period. '
        when relation is null and is_complete then 'There is no figure to compare. '
        when relation is null then ''
        else {{ display_value("value", "stated_unit", "decimals") }}
            || case when is_of_month then ' in ' || {{ month_words("stated_month") }} else ' over ' || {{ period }} end
            || case relation when 'higher' then ', more than ' when 'lower' then ', less than ' else ', the same as ' end
            || {{ display_value("base_value", "stated_unit", "decimals") }}
            || case
                when comparison = 'peaks_in' then ' in the highest other month of ' || {{ period }}
                when comparison = 'lowest_in' then ' in the lowest other month of ' || {{ period }}
                when comparison = 'is_the_sum_of' then ', the sum of the other measures'
                when comparison = 'within_benchmark' then ', the target'
                when compared_first_month is not null
                    then ' over ' || {{ month_words("compared_first_month", "compared_last_month") }}
                else ''
            end
            || '. '
    end || case
        when months_loaded < months and expected is not null
            then 'Months loaded: '
            || cast(months_loaded as {{ dbt.type_string() }})
            || ' of '
            || cast(months as {{ dbt.type_string() }})
            || '.'
        else ''
    end) as evidence,
    not is_complete as is_provisional
from judged
