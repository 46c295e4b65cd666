{%- set key = ["force_code", "report_id", "measure", "month_start"] -%}
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

figures as (select * from {{ ref("kpi_measure_monthly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

-- A later extract may correct a figure.
latest as (
    {{- latest_rows(
        "published_figures", key=["force_code", "report_id", "section", "measure", "month"]
    ) }}
),

published as (

    select
        force_code,
        report_id,
        published_on,
        section,
        measure as name,
        section || '.' || measure as measure,
        unit,
        {{ month_start("month") }} as month_start,
        published_value,
        {{ printed_number("published_value", "unit") }} as published_number,
        case when unit = 'duration' then 0 else {{ printed_decimals("published_value") }} end as decimals
    from latest

),

formulas_in_force as (
    {{- in_force(
        "published", columns=key, day="month_start", list=ref("cancelled_crime_formulas"), key=[], values=["formula"]
    ) }}
),

names as ({{ measure_names() }}),

-- The measure itself, and the measures that forces are known to print under its name.
formulas as (

    select
        measure,
        measure as formula,
        0 as formula_rank
    from measures

    union all

    select
        measure,
        alternative as formula,
        1 as formula_rank
    from {{ ref("measure_alternatives") }}

),

computed as (

    select
        published.*,
        names.label,
        formulas.formula_rank,
        case
            when formulas.formula_rank = 1 then measures.name
            when published.measure = 'crime.pct_cancelled' then formulas_in_force.formula
            when measures.denominator <> '' then names.numerator || ' / ' || measures.denominator
        end as formula,
        figures.value,
        figures.is_provisional,
        case published.published_number
            when {{ rounded("figures.value", "published.decimals") }} then 0
            when {{ rounded("figures.value", "published.decimals", cut_off=true) }} then 1
        end as rounding_rank
    from published
    left join formulas
        on published.measure = formulas.measure
    left join measures
        on formulas.formula = measures.measure
    left join names
        on measures.measure = names.measure
    left join figures
        on {{ same_columns("published", "figures", ["force_code", "month_start"]) }}
        and formulas.formula = figures.measure
    left join formulas_in_force
        on {{ same_columns("published", "formulas_in_force", key) }}

),

-- The simplest formula that gives the printed figure comes first, beside the measure's own figure.
ranked as (

    select
        *,
        {%- for column in ["label", "value", "is_provisional"] %}
        max(case when formula_rank = 0 then {{ column }} end) over (partition by {{ key | join(", ") }})
            as own_{{ column }},
        {%- endfor %}
        cast(row_number() over (
            partition by {{ key | join(", ") }}
            order by rounding_rank asc nulls last, formula_rank asc nulls last, formula asc nulls last
        ) as bigint) as row_num
    from computed

)

select
    force_code,
    report_id,
    published_on,
    section,
    own_label as label,
    name as measure,
    unit,
    month_start,
    published_value,
    {{ display_value("own_value", "unit", "decimals") }} as warehouse_value,
    cast(published_number - {{ rounded("own_value", "decimals") }} as decimal(38, 6)) as difference,
    case
        when own_value is null then 'no_data'
        when rounding_rank = 0 and formula_rank = 0 then 'match'
        when rounding_rank is not null then 'match_other_formula'
        else 'mismatch'
    end as verdict,
    case
        when own_value is null then null
        when rounding_rank = 0 then formula
        when rounding_rank = 1 then coalesce(formula || ', ', '') || 'cut off'
    end as formula,
    coalesce(own_is_provisional, true) as is_provisional
from ranked
where row_num = 1
