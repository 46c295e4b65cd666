{#- Shared by months, weeks and other spans of days of a measure. `period` names the column of the first day of a
    span: month_start or week_start. -#}

{#- Query: the columns of `cells` (force_code, measure, the period, days_loaded), the formula and the target in force on
    the first day of the period, and the sums of the formula's parts; none where no day is loaded. -#}
{% macro measure_sums(cells, period) %}
{%- set key = ["force_code", "measure", period] -%}
with

formulas as (
    select
        force_code,
        'crime.pct_cancelled' as measure,
        valid_from,
        valid_to,
        'crime.' || formula as formula
    from {{ ref("cancelled_crime_formulas") }}
),

dated_formulas as (
    {{- in_force(cells, columns=key, day=period, list="formulas", key=["measure"], values=["formula"]) }}
),

dated_targets as (
    {{- in_force(cells, columns=key, day=period, list=ref("measure_targets"), key=["measure"], values=["target"]) }}
),

resolved as (
    select
        cells.*,
        coalesce(dated_formulas.formula, cells.measure) as formula_measure,
        dated_targets.target
    from {{ cells }} as cells
    left join dated_formulas
        on {{ same_columns("cells", "dated_formulas", key) }}
    left join dated_targets
        on {{ same_columns("cells", "dated_targets", key) }}
),

part_periods as (
    select
        force_code,
        {{ month_start("day") if period == "month_start" else week_start("day") }} as {{ period }},
        part,
        sum(amount) as amount
    from {{ ref("int_part_daily") }}
    group by all
),

final as (
    select
        resolved.*,
        {{ sums_of_parts("part_periods.amount") }}
    from resolved
    left join {{ ref("measure_parts") }} as measure_parts
        on
            resolved.formula_measure = measure_parts.measure
            and resolved.days_loaded > 0
    left join part_periods
        on
            resolved.force_code = part_periods.force_code
            and resolved.{{ period }} = part_periods.{{ period }}
            and measure_parts.part = part_periods.part
    group by all
)

select * from final
{% endmacro %}

{#- Columns `numerator` and `denominator` of a group that joins `measure_parts` to amounts of its parts: null without a
    part of that role, and 0 of parts without any event. -#}
{% macro sums_of_parts(amount) -%}
    {%- for role in ["numerator", "denominator"] %}
        sum(case when measure_parts.role = '{{ role }}' then measure_parts.weight * coalesce({{ amount }}, 0) end)
            as {{ role }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- The two that a sum or a ratio is the quotient of, with the scale of its unit in them: a sum is divided by 1.
    `sums` has numerator and denominator, `measures` is the catalogue. -#}
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
