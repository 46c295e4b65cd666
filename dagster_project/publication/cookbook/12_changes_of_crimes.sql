-- What happened to crimes after they were recorded?
-- Changes from one state of a crime to the next, by the month of the change; one state may be several changes.
select
    states.force_code,
    dates.month_start,
    count(*) filter (status = 'cancelled' and status_before = 'recorded') as cancelled,
    count(*) filter (status = 'recorded' and status_before = 'cancelled') as reinstated,
    count(*) filter (offence_code <> offence_before) as reclassified,
    count(*) filter (district <> district_before) as moved
from (
    select
        *,
        lag(status) over of_crime as status_before,
        lag(offence_code) over of_crime as offence_before,
        lag(district) over of_crime as district_before
    from marts.fct_crime_status
    window of_crime as (partition by force_code, crime_ref order by updated_at)
) as states
inner join marts.dim_date as dates
    on states.updated_date = dates.date_day
group by states.force_code, dates.month_start
order by states.force_code, dates.month_start desc
