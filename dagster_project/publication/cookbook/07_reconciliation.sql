-- Do our figures agree with the printed ones?
-- Verdicts of all printed figures, and the formula that gives those that differ from ours.
select
    verdict,
    formula,
    count(*) as figures
from marts.reconciliation
group by verdict, formula
order by figures desc, formula
limit 15
