select
    periods.*, measures.sources, measures.unit, measures.decimals
from marts.kpi_measure_period as periods
inner join marts.measures as measures on periods.measure = measures.measure
where periods.force_code = $force_code
order by periods.measure, periods.month_start
