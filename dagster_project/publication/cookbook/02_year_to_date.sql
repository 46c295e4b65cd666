-- How does this financial year compare with the last?
-- Year to date of the headline measures at the end of the newest complete month and a year before, as in the papers.
select
    this_year.force_code,
    this_year.measure,
    this_year.display_value as year_to_date,
    last_year.display_value as last_year_to_date,
    this_year.complete_since,
    this_year.share_of_days_loaded
from marts.kpi_measure_period as this_year
inner join marts.measures as measures
    on this_year.measure = measures.measure
inner join marts.report_months as months
    on this_year.force_code = months.force_code
    and this_year.month_start = months.month_start
    and months.is_default
left join marts.kpi_measure_period as last_year
    on this_year.force_code = last_year.force_code
    and this_year.measure = last_year.measure
    and this_year.month_start = last_year.month_start
    and last_year.period = 'prev_fytd'
where
    this_year.period = 'fytd'
    and measures.is_headline
order by this_year.force_code, measures.board_paper_order, this_year.measure
