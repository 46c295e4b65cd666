-- How does this financial year compare with the last?
-- The year to date of the board's headline measures, as a paper prints it.
select
    this_year.force_code,
    this_year.measure,
    this_year.display_value as year_to_date,
    last_year.display_value as last_year_to_date,
    this_year.share_of_days_loaded
from marts.kpi_measure_period as this_year
inner join marts.measures as measures
    on this_year.measure = measures.measure
left join marts.kpi_measure_period as last_year
    on this_year.force_code = last_year.force_code
    and this_year.measure = last_year.measure
    and this_year.month_start = last_year.month_start
    and last_year.period = 'prev_fytd'
where
    this_year.period = 'fytd'
    and measures.is_headline
    and this_year.month_start = (select max(month_start) from marts.kpi_measure_period)
order by measures.board_paper_order
