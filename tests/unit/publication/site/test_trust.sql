create table marts.report_months as select date '2022-10-01' as month_start;
create table marts.dim_force as select 'kent' as force_code, 'Kent Police' as force_name;
create table marts.load_audit as select false as is_synthetic;
create table marts.measures as
select *, 'crime' as section, 'Crime' as section_title, 1 as section_order, 1 as decimals, 1 as board_paper_order,
    concat('crime.', name) as measure, label as short_label, 'crimes,live_chats' as sources, 'percent' as unit
from (values
    ('pct', '%', 'cancelled', null), ('of_both', 'Of both', 'cancelled', 'both')
) as t (name, label, numerator, denominator);
create table marts.reconciliation as
select *, 'crime' as section, 'kent' as force_code, 'p' as report_id, date '2023-03-15' as published_on
from (values
    ('pct', '%', 'percent', date '2022-08-01', '3.6%', '3.6%', 0.000000, 'match_other_formula', 'of_both'),
    ('pct', '%', 'percent', date '2022-09-01', '3.4%', '3.5%', 0.100000, 'mismatch', 'pct_of'),
    ('pct', '%', 'percent', date '2022-10-01', '3.4%', null, null, 'no_data', null),
    ('none', 'N', 'count', date '2022-10-01', '5', '5', 0.000000, 'match', 'pct')
) as t (measure, label, unit, month_start, published_value, warehouse_value, difference, verdict, formula);
create table marts.delivery_totals as from (values
    ('crimes', 31, 29, 1, 1, 0, 2), ('*', 31, 29, 1, 1, 0, 2)
) as t (source, days_due, days_in_figures, days_missing, days_rejected, days_withdrawn, rows_in_quarantine);
alter table marts.delivery_totals add column rows_loaded bigint;
alter table marts.delivery_totals add column newest_day date default '2022-10-31';
