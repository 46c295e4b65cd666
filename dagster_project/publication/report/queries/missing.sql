-- Sources that delivered nothing for a month, but something for the month before. One without deliveries in both has
-- ended or not yet begun, as in `report_months`.
with by_month as (
    select source, month_start, sum(days_loaded) as days_loaded
    from marts.kpi_completeness_monthly
    where force_code = $force_code
    group by all
)

select (before.month_start + interval 1 month)::date as month_start, before.source
from by_month as before
left join by_month as own
    on before.source = own.source
    and own.month_start = before.month_start + interval 1 month
where before.days_loaded > 0 and coalesce(own.days_loaded, 0) = 0
order by before.source
