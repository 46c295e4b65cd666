-- The rule in force from each day on which one begins or ends: the force's own, or else that for all forces.
with
rules as (
    select
        *,
        -- Rows of one dated list replace each other; a benchmark is a target.
        if(definition = 'benchmark', 'target', definition) as list
    from marts.definitions
    where force_code in ($force_code, '*')
),

days as (
    select list, applies_to, valid_from as first_day from rules
    union
    select list, applies_to, valid_to + 1 from rules where valid_to is not null
),

spans as (
    select
        *,
        lead(first_day) over (partition by list, applies_to order by first_day) - 1 as last_day
    from days
)

select
    rules.definition as kind, rules.applies_to, spans.first_day, spans.last_day, rules.value, rules.source
from spans
inner join rules
    on spans.list = rules.list
    and spans.applies_to = rules.applies_to
    and spans.first_day between rules.valid_from and coalesce(rules.valid_to, 'infinity')
qualify
    row_number() over (
        partition by spans.list, spans.applies_to, spans.first_day order by rules.force_code = '*'
    ) = 1
order by kind, rules.applies_to, spans.first_day
