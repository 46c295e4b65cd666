{%- set names = call_measures() -%}
with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

call_days as (select * from {{ ref("kpi_calls_daily") }}),

measure_months as (select * from {{ ref("int_measure_monthly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

figure_days as (
    {%- for column, name in names.items() %}

    select
        force_code,
        'calls_' || line || '.{{ name }}' as measure,
        date_day,
        {{ month_start("date_day") }} as month_start,
        {{ column }} as value,
        is_provisional
    from call_days
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

judged as (

    select
        figure_days.force_code,
        figure_days.measure,
        figure_days.month_start,
        figure_days.date_day,
        figure_days.value,
        measure_months.target,
        measure_months.is_provisional,
        measure_months.share_of_days_loaded,
        {{ is_target_met("figure_days.value", "measure_months.target", "measures.better") }} as is_target_met,
        cast(row_number() over (
            partition by figure_days.force_code, figure_days.measure, figure_days.month_start
            order by
                case when measures.better = 'lower' then figure_days.value end desc nulls last,
                figure_days.value asc nulls last,
                figure_days.date_day asc nulls last
        ) as bigint) as worst_rank
    from figure_days
    inner join measure_months
        on
            figure_days.force_code = measure_months.force_code
            and figure_days.measure = measure_months.measure
            and figure_days.month_start = measure_months.month_start
    inner join measures
        on figure_days.measure = measures.measure
    where
        not figure_days.is_provisional
        and figure_days.value is not null
        and measure_months.target is not null
        and measures.better <> 'neither'

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(measure as {{ dbt.type_string() }}) as measure,
        cast(month_start as date) as month_start,
        cast(target as decimal(38, 6)) as target,
        cast(count(*) as bigint) as days,
        cast(sum(case when is_target_met then 0 else 1 end) as bigint) as days_missed,
        cast(max(case when worst_rank = 1 then date_day end) as date) as worst_day,
        cast(max(case when worst_rank = 1 then value end) as decimal(38, 6)) as worst_value,
        cast(is_provisional as boolean) as is_provisional,
        cast(share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded
    from judged
    group by
        force_code,
        measure,
        month_start,
        target,
        is_provisional,
        share_of_days_loaded

)

select * from final
