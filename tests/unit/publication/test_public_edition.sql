create schema reference;
create table reference.public_measures as
from (values ('calls.received', 'whole'), ('demand.visits', 'private')) as rows (measure, release);
create table marts.report_months as select 'kent' as force_code,
    unnest([date '2022-12-01', '2022-10-01', '2023-01-01', '2024-03-01']) as month_start;
create table marts.kpi_measure_period as
from (values
    ('kent', 'calls.received', date '2022-10-01', 'month', 1),
    ('kent', 'calls.received', date '2022-12-01', 'month', 0),
    ('kent', 'calls.received', date '2023-01-01', 'month', null),
    ('kent', 'calls.received', date '2024-03-01', 'fytd', 3),
    ('kent', 'demand.visits', date '2024-03-01', 'month', 2),
    ('essex', 'calls.received', date '2024-03-01', 'month', 2)
) as rows (force_code, measure, month_start, period, value);
