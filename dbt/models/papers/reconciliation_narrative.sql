{%- set key = ["force_code", "report_id", "statement_id", "test_no"] -%}
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

-- The measure's own figure, and the one by the formula that the paper used; of a change, less that of the months before.
computed as (

    select
        *,
        comparison in ('mean_per_month', 'change_of_mean_per_month') as is_mean,
        {%- for column, figure in {"value": "figure", "formula_value": "formula_figure"}.items() %}
        case
            when months_loaded < months then null
            when comparison in ('change', 'change_of_mean_per_month') then {{ figure }} - compared_{{ figure }}
            else {{ figure }}
        end as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ ref("int_statement") }}
    where kind = 'figure'

),

printed as (

    select
        *,
        {{ rounded("value", "stated_decimals") }} as own,
        case
            when formula = 'cut_off' then {{ rounded("value", "stated_decimals", cut_off=true) }}
            else {{ rounded("formula_value", "stated_decimals") }}
        end as by_formula
    from computed

),

judged as (

    select
        *,
        case
            when own = stated_number and coalesce(found_by, 'paper') = 'paper' then 'match'
            when own = stated_number or by_formula = stated_number then 'match_other_formula'
            when own is null then 'no_data'
            else 'mismatch'
        end as verdict,
        case
            when is_mean and is_sum then 'mean per month'
            when is_mean then 'mean of months'
            when is_sum then 'total'
            else 'pooled'
        end as own_words
    from printed

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
    published_value,
    {{ display_value("value", "stated_unit", "stated_decimals") }} as warehouse_value,
    cast(stated_number - own as decimal(38, 6)) as difference,
    verdict,
    case
        when own = stated_number then own_words
        when verdict <> 'match_other_formula' then null
        when formula = 'cut_off' then own_words || ', cut off'
        else replace(formula, '_', ' ')
    end
    || case
        when found_by = 'trial'
            then ' over ' || {{ months_text("first_month", "last_month") }} || ', where the paper states no period'
        else ''
    end as formula,
    coalesce(found_by, 'paper') as found_by,
    own is null as is_provisional
from judged
