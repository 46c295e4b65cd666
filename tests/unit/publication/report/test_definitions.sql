create table marts.definitions as
from (values
    ('formula', 'a.b', '*', date '2000-01-01', date '2022-12-31', 'a.all'),
    ('formula', 'a.b', '*', '2023-01-01', null, 'a.next'),
    ('formula', 'a.b', 'kent', '2022-07-01', '2023-02-28', 'a.kent'),
    ('formula', 'a.b', 'kent', '2022-03-01', '2022-04-30', 'a.kent'),
    ('formula', 'a.b', 'essex', '2022-11-01', null, 'a.essex'),
    -- A benchmark and a target of one measure are rows of one list.
    ('benchmark', 'a.b', '*', '2000-01-01', null, '2'), ('target', 'a.b', 'kent', '2022-03-01', null, '3')
) as rows (definition, applies_to, force_code, valid_from, valid_to, value), (select '' as source);
