{#- Figures from sums of parts, shared by months, weeks and other spans of days of a measure. -#}

{#- Query: the columns of `cells` (force_code, measure, the period, days_loaded) with the formula and the target in force
    on the first day of the period, and the sums of the formula's parts. `period` names the column of that day:
    month_start or week_start. -#}
{% macro measure_sums(cells, period) %}
{%- set key = ["force_code", "measure", period] -%}
with

formulas as (
    select
        *,
        'crime.pct_cancelled' as measure,
        'crime.' || formula as formula_measure
    from {{ ref("cancelled_crime_formulas") }}
),

formulas_in_force as (
    {{- in_force(cells, columns=key, day=period, list="formulas", key=["measure"], values=["formula_measure"]) }}
),

targets_in_force as (
    {{- in_force(cells, columns=key, day=period, list=ref("measure_targets"), key=["measure"], values=["target"]) }}
),

resolved as (
    select
        cells.*,
        coalesce(formulas_in_force.formula_measure, cells.measure) as formula_measure,
        cast(targets_in_force.target as decimal(38, 6)) as target
    from {{ cells }} as cells
    left join formulas_in_force
        on {{ same_columns("cells", "formulas_in_force", key) }}
    left join targets_in_force
        on {{ same_columns("cells", "targets_in_force", key) }}
)
{{ part_sums("resolved", period, ref("int_part_daily")) }}
{% endmacro %}

{#- Query: the columns of `cells` (force_code, formula_measure, the period, days_loaded) with the sums of the parts of
    formula_measure, of which `part_days` has the days; none where no day is loaded. -#}
{% macro part_sums(cells, period, part_days) %}
    select
        cells.*,
        {{ sums_of_parts("part_periods.amount") }}
    from {{ cells }} as cells
    left join {{ ref("measure_parts") }} as measure_parts
        on cells.formula_measure = measure_parts.measure and cells.days_loaded > 0
    left join (
        select
            force_code,
            {{ month_start("day") if period == "month_start" else week_start("day") }} as {{ period }},
            part,
            sum(amount) as amount
        from {{ part_days }}
        group by all
    ) as part_periods
        on {{ same_columns("cells", "part_periods", ["force_code", period]) }}
        and measure_parts.part = part_periods.part
    group by all
{% endmacro %}

{#- Columns `numerator` and `denominator` of a group that joins `measure_parts` to amounts of its parts: null without a
    part of that role, and 0 of parts without any event. -#}
{% macro sums_of_parts(amount) -%}
    {%- for role in ["numerator", "denominator"] %}
        sum(case when measure_parts.role = '{{ role }}' then measure_parts.weight * coalesce({{ amount }}, 0) end)
            as {{ role }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Numerator and denominator of a sum or a ratio, scaled to its unit; a plain sum has the denominator 1. `sums` has
    both, `measures` is the catalogue. -#}
{% macro figure_numerator(sums, measures="measures") -%}
    {{ sums }}.numerator * {{ measures }}.factor * {{ measures }}.denominator_divisor
{%- endmacro %}

{% macro figure_denominator(sums, measures="measures") -%}
    coalesce({{ sums }}.denominator, 1) * {{ measures }}.numerator_divisor
{%- endmacro %}

{#- A figure of the catalogue `measures`: the quotient of its sums, or the percentile or maximum of its amount. The
    greatest of no numbers is 0. -#}
{% macro figure(sums, amount_value, measures="measures") -%}
    case
        when {{ measures }}.method in ('sum', 'ratio')
            then {{ ratio(figure_numerator(sums, measures), figure_denominator(sums, measures)) }}
        when {{ measures }}.unit = 'count' then coalesce({{ amount_value }}, 0)
        else {{ amount_value }}
    end
{%- endmacro %}

{% macro is_sum(measures="measures") -%} {{ measures }}.method = 'sum' {%- endmacro %}
