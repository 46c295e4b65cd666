create table marts.measures as
select *, split_part(measure, '.', 1) as section, '=Label' as label, null as numerator, null as denominator,
    false as is_headline, 'lost' as synonyms, 'calls' as sources
from (values
    ('calls_101.received', 'count', 0, null, 2, '101 & more', 1, 'Calls to 101.'),
    ('calls_999.received', 'count', 0, null, 1, '999 calls', 0, '{hostile}'),
    ('calls_999.pct_not_answered', 'percent', 2, null, 3, '999 calls', 0, 'Share.'),
    ('calls_999.avg_queue_time', 'duration', 0, null, null, '999 calls', 0, 'Mean.'),
    ('crime.cancelled_crime', 'count', 0, 'crime_type', null, 'Crime', 2, 'Cancelled.'),
    ('crime.recorded_crime', 'count', 0, null, 4, 'Crime', 2, 'Recorded.')
) as t (
    measure, unit, decimals, breakdown, board_paper_order, section_title, section_order, definition
);
create table marts.definitions as from (values
    ('formula', 'crime.recorded_crime', '*', date '2000-01-01', null, 'crime.a', 'All.'),
    ('formula', 'crime.recorded_crime', 'kent', '2022-12-01', date '2022-12-31', 'crime.b', 'Kent.')
) as t (definition, applies_to, force_code, valid_from, valid_to, value, source);
create table marts.dim_force as
from (values ('kent', 'Kent Police'), ('never', 'Never')) as t (force_code, force_name);
create table marts.dim_date as from (values
    (date '2022-12-26', true, 'Boxing Day'), ('2022-12-27', false, null)
) as t (date_day, is_bank_holiday, bank_holiday_name);
create table marts.report_months as from (values
    ('kent', date '2022-12-01', 31, 31, true, false), ('kent', '2023-01-01', 31, 30, false, true)
) as t (force_code, month_start, days, days_loaded, is_default, is_running);
create table marts.kpi_measure_period as
select * exclude (day), 'kent' as force_code, day as month_start
from (values
    ('calls_999.received', date '2022-12-01', 'month', 1234.500000::decimal(38, 6), '1,235', 39.822581, 100.0,
        false, null),
    ('calls_999.received', '2022-12-01', 'fytd', 30000, '30,000', null, 40.363636, true, date '2022-08-13'),
    ('calls_999.pct_not_answered', '2022-12-01', 'month', null, null, null, null, true, null),
    ('crime.recorded_crime', '2022-12-01', 'month', 1500, '1,500', null, 100, false, null),
    ('crime.recorded_crime', '2023-01-01', 'month', 27, '27', null, 96.774194, true, null),
    ('crime.cancelled_crime', '2022-12-01', 'month', 3, '3', null, 100, false, null),
    ('crime.cancelled_crime', '2023-01-01', 'month', 1, '1', null, 96.774194, true, null),
    ('crime.cancelled_crime', '2022-11-01', 'month', null, null, null, 0, true, null)
) as t (
    measure, day, period, value, display_value, mean_per_day, share_of_days_loaded, is_provisional,
    complete_since
);
insert into marts.kpi_measure_period by name
select * replace ('nameless' as force_code) from marts.kpi_measure_period where value = 1500;
create table marts.kpi_measure_verdict as select 'kent' as force_code, 'calls_999.received' as measure,
    date '2022-12-01' as month_start, 1.5 as usual, null as lower_limit, 2.25 as upper_limit, 2.0 as target,
    'worse' as verdict, 1.25 as year_like_month;
create table marts.kpi_measure_weekly as
select 'kent' as force_code, 'calls_999.pct_not_answered' as measure, * from (values
    (date '2022-12-26', 2.345, false, 100.0, 2.0), (date '2023-01-02', null, true, 0, null),
    -- In and before the week of the oldest month on the page, which is three years before the newest.
    (date '2020-01-27', 0, true, 0, null), (date '2020-01-25', 1, true, 0, null)
) as t (week_start, value, is_provisional, share_of_days_loaded, target);
create table marts.kpi_calls_daily as select 'kent' as force_code, '999' as line, * from (values
    (date '2023-01-01', 1234, 61.4, false), (date '2023-01-02', 0, null, true), (date '2020-01-31', 1, 1, false)
) as t (date_day, received, avg_queue_seconds, is_provisional);
create table marts.kpi_crime_by_district_monthly as select 'kent' as force_code, * from (values
    (date '2022-12-01', 'Dover', 1500, 3), (date '2023-01-01', 'Dover', 20, 0), (date '2023-01-01', null, 7, 1)
) as t (month_start, district, recorded_crime, cancelled_crime);
create table marts.dim_offence as
from (values ('1', 'Violence'), ('2', 'Violence')) as t (offence_code, offence_group);
create table marts.kpi_cancellations_monthly as select 'kent' as force_code, * from (values
    (date '2022-12-01', '1', 2), ('2022-12-01', '2', 1), ('2023-01-01', 'unlisted', 1)
) as t (month_start, offence_code, cancelled);
