with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

call_days as (

    select
        *,
        {{ month_start("date_day") }} as month_start,
        count(*) over (partition by force_code, line, {{ month_start("date_day") }}) as days_loaded
    from {{ ref("kpi_calls_daily") }}
    where not is_provisional

),

targets as (select * from {{ ref("measure_targets") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

figure_days as (
    {%- for column, name in call_figure_measures().items() %}

    select
        force_code,
        'calls_' || line || '.{{ name }}' as measure,
        month_start,
        {{ days_between("month_start", date_plus("month_start", 1, "month")) }} as days_in_month,
        days_loaded,
        date_day,
        {{ column }} as value
    from call_days
    where {{ column }} is not null
    {{- " union all" if not loop.last }}
    {%- endfor %}

),

-- A month uses the target of its first day.
with_targets as (
    {{- in_force(
        "figure_days",
        columns=["force_code", "measure", "month_start", "days_in_month", "days_loaded", "date_day", "value"],
        day="month_start",
        list="targets",
        key=["measure"],
        values=["target"],
    ) }}
),

judged as (

    select
        with_targets.*,
        {{ is_target_met("with_targets.value", "with_targets.target", "measures.better") }} as is_target_met,
        cast(row_number() over (
            partition by with_targets.force_code, with_targets.measure, with_targets.month_start
            order by
                case when measures.better = 'lower' then with_targets.value end desc nulls last,
                with_targets.value asc nulls last,
                with_targets.date_day asc nulls last
        ) as bigint) as worst_rank
    from with_targets
    inner join measures
        on with_targets.measure = measures.measure
    where measures.better <> 'neither'

)

select
    force_code,
    measure,
    month_start,
    cast(target as decimal(38, 6)) as target,
    cast(count(*) as bigint) as days,
    cast(count(case when not is_target_met then 1 end) as bigint) as days_missed,
    max(case when worst_rank = 1 then date_day end) as worst_day,
    max(case when worst_rank = 1 then value end) as worst_value,
    days_loaded < days_in_month as is_provisional,
    {{ ratio("days_loaded", "days_in_month", 100) }} as share_of_days_loaded
from judged
group by
    force_code,
    measure,
    month_start,
    target,
    days_loaded,
    days_in_month
