{%- set key = ["force_code", "report_id", "statement_id", "test_no"] -%}

with

statements as (

    select * from {{ ref("int_statement") }}
    where kind = 'figure'

),

-- Only of periods that are loaded as a whole.
figures as (

    select * from {{ ref("int_statement_figure") }}
    where months_loaded = months

),

-- The measure's own figure of each period, and the one by the formula that the paper used.
computed as (

    select
        statements.*,
        case when statements.stated_unit = 'duration' then 0 else statements.stated_decimals end as decimals,
        {%- for period in ["stated", "base"] %}
        case
            when statements.comparison in ('mean_per_month', 'change_of_mean_per_month') then {{ period }}.mean_of_months
            else {{ period }}.value
        end as {{ period }}_own,
        case statements.formula
            when 'mean_of_months' then {{ period }}.mean_of_months
            when 'mean_of_rounded_months' then {{ period }}.mean_of_rounded_months
        end as {{ period }}_other{{ "," if not loop.last }}
        {%- endfor %}
    from statements
    {%- for period in ["stated", "base"] %}
    left join figures as {{ period }}
        on
            {{ same_columns("statements", period, key) }}
            and {{ period }}.period = '{{ period }}'
    {%- endfor %}

),

differences as (

    select
        *,
        {%- for formula in ["own", "other"] %}
        case
            when comparison in ('change', 'change_of_mean_per_month') then stated_{{ formula }} - base_{{ formula }}
            else stated_{{ formula }}
        end as {{ formula }}_value{{ "," if not loop.last }}
        {%- endfor %}
    from computed

),

printed as (

    select
        *,
        {{ rounded("own_value", "decimals") }} as own,
        case
            when formula = 'cut_off' then {{ rounded("own_value", "decimals", cut_off=true) }}
            else {{ rounded("other_value", "decimals") }}
        end as other
    from differences

),

judged as (

    select
        *,
        case
            when own = stated_number and coalesce(found_by, 'paper') = 'paper' then 'match'
            when own = stated_number or other = stated_number then 'match_other_formula'
            when own is null then 'no_data'
            else 'mismatch'
        end as verdict,
        case
            when comparison in ('mean_per_month', 'change_of_mean_per_month') and is_sum then 'mean per month'
            when comparison in ('mean_per_month', 'change_of_mean_per_month') then 'mean of months'
            when is_sum then 'total'
            else 'pooled'
        end as own_words
    from printed

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
    published_value,
    cast({{ display_value("own_value", "stated_unit", "decimals") }} as {{ dbt.type_string() }}) as warehouse_value,
    cast(stated_number - own as decimal(38, 6)) as difference,
    verdict,
    cast(case
        when own = stated_number then own_words
        when verdict = 'match_other_formula' and formula = 'cut_off' then own_words || ', cut off'
        when verdict = 'match_other_formula' then replace(formula, '_', ' ')
    end
    || case
        when found_by = 'trial'
            then ' over ' || {{ months_text("first_month", "last_month") }} || ', where the paper states no period'
        else ''
    end as {{ dbt.type_string() }}) as formula,
    cast(coalesce(found_by, 'paper') as {{ dbt.type_string() }}) as found_by,
    cast(own is null as boolean) as is_provisional
from judged
