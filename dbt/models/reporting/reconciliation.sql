{#- How a printed figure can have been rounded, by preference: the simplest explanation is named. A formula that forces
    do use goes before a rounding that they should not. -#}
{%- set attempts = [
    {"rounding": "half_up", "is_alternative": false, "words": ""},
    {"rounding": "half_up", "is_alternative": true, "words": ""},
    {"rounding": "cut_off", "is_alternative": false, "words": ", cut off"},
    {"rounding": "half_even", "is_alternative": false, "words": ", half to even"},
    {"rounding": "cut_off", "is_alternative": true, "words": ", cut off"},
    {"rounding": "half_even", "is_alternative": true, "words": ", half to even"},
] -%}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

published as (

    select * from {{ ref("int_published_figures_current") }}

),

measure_months as (

    select * from {{ ref("int_measure_monthly") }}

),

measures as (

    select * from {{ ref("measure_catalogue") }}

),

alternatives as (

    select * from {{ ref("measure_alternatives") }}

),

trimmed as (

    select
        force_code,
        report_id,
        published_on,
        section,
        measure as name,
        concat(section, '.', measure) as measure,
        unit,
        {{ month_start("month") }} as month_start,
        published_value,
        lower(replace(replace(published_value, ' ', ''), ',', '')) as plain_text
    from published

),

-- A text that is no number, percentage or duration of its unit has no form and equals nothing.
recognised as (

    select
        *,
        case
            when unit = 'duration' and regexp_extract(plain_text, '^-?([0-9]+h)?([0-9]+m)?([0-9]+s)?$', 0) <> ''
                then 'duration'
            when unit <> 'duration' and regexp_extract(plain_text, '^-?[0-9]+([.][0-9]{1,6})?%?$', 0) <> ''
                then 'number'
        end as form,
        case when plain_text like '-%' then -1 else 1 end as sign,
        replace(replace(plain_text, '-', ''), '%', '') as digits
    from trimmed

),

parsed as (

    select
        recognised.force_code,
        recognised.report_id,
        recognised.published_on,
        recognised.section,
        recognised.name,
        recognised.measure,
        recognised.unit,
        recognised.month_start,
        recognised.published_value,
        measures.label,
        cast(case
            when recognised.form = 'duration'
                then recognised.sign * (
                    3600 * cast(coalesce(nullif(regexp_extract(recognised.digits, '([0-9]+)h', 1), ''), '0') as bigint)
                    + 60 * cast(coalesce(nullif(regexp_extract(recognised.digits, '([0-9]+)m', 1), ''), '0') as bigint)
                    + cast(coalesce(nullif(regexp_extract(recognised.digits, '([0-9]+)s', 1), ''), '0') as bigint)
                )
            when recognised.form = 'number'
                then recognised.sign * cast(recognised.digits as decimal(38, 6))
        end as decimal(38, 6)) as published_number,
        -- The warehouse's figure is shown with as many decimals as the paper printed.
        case
            when recognised.form = 'number'
                then cast(length(regexp_extract(recognised.digits, '[.]([0-9]+)$', 1)) as integer)
            when recognised.unit = 'duration' then 0
            else coalesce(measures.decimals, 0)
        end as decimals
    from recognised
    left join measures
        on recognised.measure = measures.measure

),

candidate_measures as (

    select
        measure,
        measure as candidate,
        false as is_alternative
    from measures

    union all

    select
        measure,
        alternative as candidate,
        true as is_alternative
    from alternatives

),

candidates as (

    select
        parsed.force_code,
        parsed.report_id,
        parsed.measure,
        parsed.month_start,
        parsed.unit,
        parsed.decimals,
        parsed.published_number,
        candidate_measures.candidate,
        candidate_measures.is_alternative,
        measure_months.value,
        measure_months.is_provisional,
        measure_months.value_numerator,
        measure_months.value_denominator,
        case
            when candidate_measures.is_alternative then measures.name
            when measure_months.formula_measure <> measure_months.measure then formula_measures.name
            when measures.denominator <> '' then concat(measures.numerator, ' / ', measures.denominator)
        end as formula
    from parsed
    inner join candidate_measures
        on parsed.measure = candidate_measures.measure
    inner join measures
        on candidate_measures.candidate = measures.measure
    inner join measure_months
        on
            candidate_measures.candidate = measure_months.measure
            and parsed.force_code = measure_months.force_code
            and parsed.month_start = measure_months.month_start
    left join measures as formula_measures
        on measure_months.formula_measure = formula_measures.measure

),

-- Whole numbers of the last printed decimal, so that equal means equal.
rounded as (

    select
        *,
        cast(published_number * {{ power_of_ten("decimals") }} as {{ big_integer() }}) as published_units,
        {%- for rounding in ["half_up", "cut_off", "half_even"] %}
        {{ rounded_quotient("value_numerator", "value_denominator", "(" ~ power_of_ten("decimals") ~ ")", rounding) }}
            as units_{{ rounding }}{{ "," if not loop.last }}
        {%- endfor %}
    from candidates

),

explanations as (

    {%- for attempt in attempts %}

    select
        force_code,
        report_id,
        measure,
        month_start,
        candidate,
        {{ loop.index0 }} as preference,
        concat(coalesce(formula, measure), '{{ attempt.words }}') as other_formula,
        formula
    from rounded
    where
        is_alternative = {{ attempt.is_alternative | lower }}
        and units_{{ attempt.rounding }} = published_units
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

ordered as (

    select
        *,
        row_number() over (
            partition by force_code, report_id, measure, month_start
            order by preference asc nulls last, candidate asc nulls last
        ) as position
    from explanations

),

simplest as (

    select * from ordered
    where position = 1

),

own as (

    select * from rounded
    where not is_alternative

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
            {{ display_units("own.units_half_up", "parsed.unit", "parsed.decimals") }} as {{ dbt.type_string() }}
        ) as warehouse_value,
        cast(
            parsed.published_number
            - {{ ratio("own.units_half_up", power_of_ten("parsed.decimals")) }}
            as decimal(38, 6)
        ) as difference,
        cast(case
            when own.units_half_up is null then 'no_data'
            when simplest.preference = 0 then 'match'
            when simplest.preference > 0 then 'match_other_formula'
            else 'mismatch'
        end as {{ dbt.type_string() }}) as verdict,
        cast(case
            when own.units_half_up is null then null
            when simplest.preference = 0 then simplest.formula
            when simplest.preference > 0 then simplest.other_formula
        end as {{ dbt.type_string() }}) as formula,
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
