create schema marts;
create table marts.measures as
select
    *, measure as label, 'percent' as unit, 'calls' as section, 'Calls' as section_title, '' as definition,
    null as synonyms, measure as short_label, '' as clause, 'a' as numerator, 'b' as denominator, 'lower' as better, 'calls' as sources,
    true as is_headline, 1 as section_order, 1 as board_paper_order
from (values ('calls.answered'), ('calls.lost')) as measures (measure);
create table marts.definitions as
from (values
    ('benchmark', 'calls.lost', '*', date '2000-01-01', date '2023-03-31', '3.000000'),
    ('target', 'calls.lost', '*', date '2023-04-01', date '2024-03-31', '2.000000'),
    ('target', 'calls.lost', 'kent', date '2000-01-01', null, '1.000000'),
    ('formula', 'calls.lost', '*', date '2000-01-01', null, 'calls.lost_of_all')
) as definitions (definition, applies_to, force_code, valid_from, valid_to, value);
