create table marts.kpi_quarantine_period as
select *, 'kent' as force_code, date '2022-09-01' as month_start
from (values ('crimes', 'fytd', 1000, 16, 1.65), ('live_chats', 'fytd', 200, 1, 0.5))
    as periods (source, period, rows_read, rows_quarantined, share_quarantined);
create table marts.measures as select 'a.of_two' as measure, 'live_chats,crimes' as sources,
    'percent' as unit, 2 as decimals, true as in_board_paper;
create table marts.kpi_measure_period as
select *, 'kent' as force_code, 'a.of_two' as measure, date '2022-09-01' as last_month, 1.5 as value,
    false as is_provisional, 1.456 as value_low, 1.844 as value_high
from (values
    ('month', date '2022-09-01', date '2022-09-01', false, null),
    ('month', date '2022-08-01', date '2022-08-01', false, null),
    ('fytd', date '2022-09-01', date '2022-08-01', true, 'crimes'),
    ('fytd', date '2022-08-01', date '2022-08-01', false, null)
) as periods (period, month_start, first_month, is_affected_by_quarantine, affected_sources);
create table marts.quarantine as
select 1 as load_id, 'crimes' as source, date '2022-08-05' as extract_date, 'kent' as force_code, reason_code
from unnest([
    'not_a_date', 'not_a_date', 'not_a_date', 'too_few_cells', 'too_few_cells', 'unheard_of', 'unheard_of',
    'below_minimum', 'duplicate_row', 'superseded_row'
]) as reasons (reason_code);
-- Of another month, force, source, or a replaced load; and one of no readable force.
insert into marts.quarantine values
    (1, 'crimes', '2022-10-05', 'kent', 'above_maximum'), (1, 'crimes', '2022-08-05', 'essex', 'above_maximum'),
    (2, 'crimes', '2022-08-05', 'kent', 'above_maximum'), (1, 'live_chats', '2022-08-05', 'kent', 'not_a_date'),
    (1, 'crimes', '2022-09-05', null, 'not_a_date');
create table marts.load_audit as
select unnest([1, 2]) as load_id, unnest(['loaded', 'replaced']) as status, 'live_chats' as source,
    date '2022-08-12' as extract_date, false as is_synthetic, 35 as rows_read, 100 as rows_expected,
    'volume_is_not_far_below_the_recent_past, a_is_b' as accepted_despite, 'no power' as accepted_because;
