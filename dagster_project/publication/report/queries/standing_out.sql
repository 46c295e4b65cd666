-- What stands out in the newest complete month of each force, beside the month before it.
select
    forces.force_name,
    strftime(months.month_start, '%Y-%m') as month,
    measures.short_label,
    concat_ws(
        ' and ',
        case
            when verdicts.is_target_met and not before.is_target_met then 'newly meets its target'
            when not verdicts.is_target_met and before.is_target_met then 'newly misses its target'
        end,
        case when verdicts.verdict = 'worse' then 'is worse than usual' end
    ) as words,
    figures.display_value
from marts.report_months as months
inner join marts.dim_force as forces
    on months.force_code = forces.force_code
inner join marts.kpi_measure_verdict as verdicts
    on months.force_code = verdicts.force_code
    and months.month_start = verdicts.month_start
inner join marts.measures as measures
    on verdicts.measure = measures.measure
    and measures.is_headline
inner join marts.kpi_measure_period as figures
    on verdicts.force_code = figures.force_code
    and verdicts.measure = figures.measure
    and verdicts.month_start = figures.month_start
    and figures.period = 'month'
left join marts.kpi_measure_verdict as before
    on verdicts.force_code = before.force_code
    and verdicts.measure = before.measure
    and verdicts.month_start = before.month_start + interval 1 month
where months.is_default and not verdicts.is_provisional
order by forces.force_name, measures.headline_order
