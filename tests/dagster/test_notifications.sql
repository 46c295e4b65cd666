create schema marts;
use marts;
create table report_months as
select 'kent' as force_code, date '2022-10-01' as month_start, true as is_default;
create table dim_force as select 'kent' as force_code, 'Kent Police' as force_name;
create table measures as
select measure, measure as short_label, measure <> 'd' as is_headline, ascii(measure) as headline_order
from (values ('a'), ('b'), ('c'), ('d')) as t (measure);
create table kpi_measure_verdict as
select 'kent' as force_code, *, false as is_provisional
from (
    values
        ('a', date '2022-09-01', true, null), ('a', date '2022-10-01', false, 'worse'),
        ('b', date '2022-09-01', false, null), ('b', date '2022-10-01', true, 'better'),
        ('c', date '2022-09-01', false, 'worse'), ('c', date '2022-10-01', false, null),
        ('d', date '2022-10-01', null, 'worse')
) as t (measure, month_start, is_target_met, verdict);
create table kpi_measure_period as
select force_code, measure, month_start, 'month' as period, '1.97%' as display_value
from kpi_measure_verdict;
