with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

call_days as (select * from {{ ref("kpi_calls_daily") }}),

targets as (select * from {{ ref("measure_targets") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

complete_days as (

    select
        *,
        {{ month_start("date_day") }} as month_start
    from call_days
    where not is_provisional

),

months as (

    select
        force_code,
        line,
        month_start,
        {{ days_between("month_start", date_plus("month_start", 1, "month")) }} as days_in_month,
        count(*) as days_loaded
    from complete_days
    group by all

),

figure_days as (
    {%- for column, name in call_figure_measures().items() %}

    select
        force_code,
        'calls_' || line || '.{{ name }}' as measure,
        line,
        month_start,
        date_day,
        {{ column }} as value
    from complete_days
    {{- " union all" if not loop.last }}
    {%- endfor %}

),

-- A month uses the target of its first day.
figure_months as (

    select distinct
        force_code,
        measure,
        month_start
    from figure_days

),

targets_in_force as (
    {{- in_force(
        "figure_months",
        columns=["force_code", "measure", "month_start"],
        day="month_start",
        list="targets",
        key=["measure"],
        values=["target"],
    ) }}
),

judged as (

    select
        figure_days.*,
        targets_in_force.target,
        {{ is_target_met("figure_days.value", "targets_in_force.target", "measures.better") }} as is_target_met,
        cast(row_number() over (
            partition by figure_days.force_code, figure_days.measure, figure_days.month_start
            order by
                case when measures.better = 'lower' then figure_days.value end desc nulls last,
                figure_days.value asc nulls last,
                figure_days.date_day asc nulls last
        ) as bigint) as worst_rank
    from figure_days
    inner join targets_in_force
        on figure_days.force_code = targets_in_force.force_code
        and figure_days.measure = targets_in_force.measure
        and figure_days.month_start = targets_in_force.month_start
    inner join measures
        on figure_days.measure = measures.measure
    where figure_days.value is not null and measures.better <> 'neither'

)

select
    judged.force_code,
    judged.measure,
    judged.month_start,
    cast(judged.target as decimal(38, 6)) as target,
    cast(count(*) as bigint) as days,
    cast(count(case when not judged.is_target_met then 1 end) as bigint) as days_missed,
    max(case when judged.worst_rank = 1 then judged.date_day end) as worst_day,
    max(case when judged.worst_rank = 1 then judged.value end) as worst_value,
    months.days_loaded < months.days_in_month as is_provisional,
    {{ ratio("months.days_loaded", "months.days_in_month", 100) }} as share_of_days_loaded
from judged
inner join months
    on judged.force_code = months.force_code
    and judged.line = months.line
    and judged.month_start = months.month_start
group by
    judged.force_code,
    judged.measure,
    judged.month_start,
    judged.target,
    months.days_loaded,
    months.days_in_month
