-- Do our figures agree with the printed ones?
-- Number of printed figures by verdict, and the formula that reproduces those that differ from ours.
select
    verdict,
    formula,
    count(*) as figures
from marts.reconciliation
group by verdict, formula
order by figures desc, formula
limit 15
