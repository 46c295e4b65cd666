-- How many online reports became recorded crimes?
-- Submissions of the report-a-crime service by month, and those whose reference is that of a recorded crime.
select
    reports.force_code,
    dates.month_start,
    count(*) as submissions,
    count(reports.duplicate_of) as repeated,
    count(crimes.crime_ref) as became_a_crime,
    cast(100.0 * count(crimes.crime_ref) / count(*) as decimal(5, 1)) as pct_became_a_crime
from marts.fct_online_crime_report as reports
inner join marts.dim_date as dates
    on reports.submitted_date = dates.date_day
left join marts.fct_crime as crimes
    on reports.force_code = crimes.force_code
    and reports.crime_ref = crimes.crime_ref
where reports.service = 'report_a_crime'
group by reports.force_code, dates.month_start
order by reports.force_code, dates.month_start desc
