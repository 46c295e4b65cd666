{#- Points of XmR charts, by month (kpi_measure_spc, kpi_measure_spc_as_of) and by week (kpi_measure_spc_weekly). In all
    macros of charts `key` names the columns that identify a chart, `period` the column of the first day of a point's
    month or week; a segment of a chart is its periods of one baseline_start. -#}

{#- Minimum number of points for a verdict. -#}
{% macro control_chart_least_points() %}{{ return(12) }}{% endmacro %}

{#- Query: the months or weeks of `figures` as points of charts, with the bounds of their limits and the segment that each
    is in. `figures` has force_code, measure, the period, formula_measure, value, target, is_point, is_provisional and
    share_of_days_loaded; `measures`, `measure_parts` and `baselines` are the seeds. Measures of another chart type are
    left out.

    A segment is identified by the numbers of baselines and of formulas that have begun: figures of two formulas have no
    common limits. A force with its own row for the measure uses only its own rows: the rows for all forces would split
    its chart where nothing changed. -#}
{% macro control_chart_periods(figures, measures, measure_parts, baselines, period="month_start") %}
with

may_be_negative as (
    select distinct measure
    from {{ measure_parts }}
    where role = 'numerator' and weight < 0
),

own_baselines as (
    select distinct
        force_code,
        measure
    from {{ baselines }}
),

formulas as (
    select
        force_code,
        measure,
        {{ period }},
        formula_measure,
        lag(formula_measure) over (
            partition by force_code, measure
            order by {{ period }} asc nulls last
        ) as previous_formula
    from {{ figures }}
),

formulas_begun as (
    select
        force_code,
        measure,
        {{ period }},
        sum(case when formula_measure <> previous_formula then 1 else 0 end) over (
            partition by force_code, measure
            order by {{ period }} asc nulls last
            rows between unbounded preceding and current row
        ) as formulas_begun
    from formulas
),

segmented as (
    select
        figures.force_code,
        figures.measure,
        figures.{{ period }},
        count(baselines.valid_from) as baselines_begun
    from {{ figures }} as figures
    left join own_baselines
        on figures.force_code = own_baselines.force_code
        and figures.measure = own_baselines.measure
    left join {{ baselines }} as baselines
        on figures.measure = baselines.measure
        and coalesce(own_baselines.force_code, '*') = baselines.force_code
        and figures.{{ period }} >= baselines.valid_from
    group by all
),

final as (
    select
        figures.force_code,
        figures.measure,
        figures.{{ period }},
        figures.value,
        figures.target,
        figures.is_provisional,
        figures.share_of_days_loaded,
        figures.is_point,
        may_be_negative.measure is null as has_floor,
        measures.unit = 'percent' as has_ceiling,
        min(figures.{{ period }}) over (
            partition by figures.force_code, figures.measure, segmented.baselines_begun, formulas_begun.formulas_begun
        ) as baseline_start
    from {{ figures }} as figures
    inner join segmented
        on figures.force_code = segmented.force_code
        and figures.measure = segmented.measure
        and figures.{{ period }} = segmented.{{ period }}
    inner join formulas_begun
        on figures.force_code = formulas_begun.force_code
        and figures.measure = formulas_begun.measure
        and figures.{{ period }} = formulas_begun.{{ period }}
    inner join {{ measures }} as measures
        on figures.measure = measures.measure
    left join may_be_negative
        on figures.measure = may_be_negative.measure
    where measures.chart_type = 'xmr'
)

select * from final
{% endmacro %}
