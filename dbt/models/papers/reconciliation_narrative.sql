{%- set key = ["force_code", "report_id", "statement_id", "test_no"] -%}
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

statements as (

    select * from {{ ref("int_statement") }}
    where kind = 'figure'

),

-- The measure's own figure, and the one by the formula that the paper used; of a change, less that of the months before.
computed as (

    select
        statements.*,
        case when statements.stated_unit = 'duration' then 0 else statements.stated_decimals end as decimals,
        statements.comparison in ('mean_per_month', 'change_of_mean_per_month') as is_mean,
        {%- for column in ["value", "formula_value"] %}
        case
            when figures.months_loaded < figures.months then null
            when statements.comparison in ('change', 'change_of_mean_per_month')
                then figures.{{ column }} - figures.compared_{{ column }}
            else figures.{{ column }}
        end as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from statements
    inner join {{ ref("int_statement_figure") }} as figures
        on {{ same_columns("statements", "figures", key) }}

),

printed as (

    select
        *,
        {{ rounded("value", "decimals") }} as own,
        case
            when formula = 'cut_off' then {{ rounded("value", "decimals", cut_off=true) }}
            else {{ rounded("formula_value", "decimals") }}
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
    cast({{ display_value("value", "stated_unit", "decimals") }} as {{ dbt.type_string() }}) as warehouse_value,
    cast(stated_number - own as decimal(38, 6)) as difference,
    verdict,
    cast(case
        when own = stated_number then own_words
        when verdict <> 'match_other_formula' then null
        when formula = 'cut_off' then own_words || ', cut off'
        else replace(formula, '_', ' ')
    end
    || case
        when found_by = 'trial'
            then ' over ' || {{ months_text("first_month", "last_month") }} || ', where the paper states no period'
        else ''
    end as {{ dbt.type_string() }}) as formula,
    coalesce(found_by, 'paper') as found_by,
    own is null as is_provisional
from judged
