-- search: A page | words

create or replace temp view doubled as select *, amount * 2 as twice from figures;

-- view: wide
-- note: A note
--   of two lines.
-- by: force month
-- shades: Count
select *, amount as "Count", twice / 4 as "% of it|percent 1", '{label}: {amount}, {month}.' as finding from doubled
where month_start >= $first_month

-- view: long
-- by: force
-- shades: cells
-- count: label
-- finding: {old} of {rows}[; {new} new].
select *, label as name, amount as "All", amount < 2000 as is_shaded, [{
    'heading': if(amount < 2000, 'b', 'a'), 'position': amount, 'figure': amount, 'label': label,
    'format': if(amount < 2000, 'count 1', '{figure} of {label}'), 'finding': if(amount < 2000, '{label}.', null)
}] as cells from figures

-- view: listed
-- by: label
-- words: What
-- folded: yes
-- summary: yes
-- nothing: None.
select label, 'percent' as unit, 1 as decimals, 'a' as name, concat('of ', label) as "What", amount as "Count|measure",
    amount = 2000 as is_marked, if(amount = 2000, 'a.html', 'b.html') as link, 'All.' as finding from figures
order by amount desc
