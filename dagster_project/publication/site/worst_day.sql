-- The worst day of each measure in each month, for measures that add up.
select days.measure, days.month_start, days.day, days.value, days.denominator
from measures.int_measure_daily as days
inner join marts.measures as measures on days.measure = measures.measure
where days.force_code = $force_code and days.value is not null and measures.better in ('lower', 'higher')
qualify row_number() over (
    partition by days.measure, days.month_start
    order by if(measures.better = 'lower', -days.value, days.value), days.day
) = 1
