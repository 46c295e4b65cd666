-- `events` is the beginning of each of the three queries after it; the others stand alone. Parameters: forces and measures;
-- `first_month` and `last_month`, by their first days; and what earlier queries give. The command traces one measure and
-- month, so that its first month is its last.

-- query: figures
-- Figures with their definition; `formula_measure` is the measure whose sums are used, itself or the formula in force.
select
    figures.* exclude (section, name),
    measures.label, measures.unit, measures.better, measures.owner, measures.definition, measures.sources,
    measures.factor, measures.numerator_divisor, measures.denominator_divisor,
    formula.numerator as numerator_words,
    formula.denominator as denominator_words,
    periods.display_value
from measures.int_measure_monthly as figures
inner join marts.kpi_measure_period as periods using (force_code, measure, month_start)
inner join marts.measures as measures on figures.measure = measures.measure
inner join marts.measures as formula on figures.formula_measure = formula.measure
where
    force_code = $force_code and list_contains($measures, figures.measure) and period = 'month'
    and month_start between $first_month and $last_month
order by figures.measure, month_start desc

-- query: weights
-- How often a formula adds a part, or subtracts it if negative, by role: numerator and denominator, or population for a
-- measure that does not add up.
select measure, part, map_from_entries(list((role, weight) order by role desc)) as weights
from reference.measure_parts
where list_contains($formulas, measure)
group by measure, part
order by measure, min(role = 'denominator'), max(weight) desc, part

-- query: sums
-- The sums that the figures were computed from.
select force_code, part, cast(date_trunc('month', day) as date) as month_start, sum(amount) as amount
from measures.int_part_daily
where
    list_contains($forces, force_code) and list_contains($parts, part)
    and day >= $first_month and day < $last_month + to_months(1)
group by all

-- query: days
-- Days with events, for measures that add up.
select force_code, measure, month_start, day, numerator, denominator, value
from measures.int_measure_daily
where
    list_contains($forces, force_code) and list_contains($measures, measure)
    and month_start between $first_month and $last_month
order by measure, month_start, day

-- query: events
with purged as (
    from archive.part_load
    where
        list_contains($forces, force_code) and list_contains($parts, part)
        and month_start between $first_month and $last_month
),
living as (
    select force_code, part, load_id, cast(date_trunc('month', day) as date) as month_start, source_row, amount
    from measures.int_part_event
    where
        list_contains($forces, force_code) and list_contains($parts, part)
        and day >= $first_month and day < $last_month + to_months(1)
),
-- Only the first row of an event has an amount. What is left of purged months, because it is held, is in the archive
-- too.
events as (from living anti join purged using (force_code, part, month_start))

-- query: files
-- Delivered files with the events of each part; purged ones have no rows.
select
    force_code, part, month_start, source, extract_date,
    if($has_whole_names, coalesce(loads.delivered_name, loads.file_name), loads.file_name) as file_name,
    file_sha256, load_id, status, events, amount, row_count, first_row, last_row,
    if(row_count = 0, cast(coalesce(loads.purged_at, purges.purged_at) as date), null) as purged_at
from (
    select
        force_code, part, month_start, load_id,
        count(amount) as events,
        coalesce(sum(amount), 0) as amount,
        count(*) as row_count,
        min(source_row) as first_row,
        max(source_row) as last_row
    from events
    group by all
    union all
    select force_code, part, month_start, load_id, events, amount, 0, null, null from purged
) as counted
inner join audit.load as loads using (load_id)
left join audit.purge as purges using (source)
order by extract_date, load_id

-- query: ranges
-- Row numbers as `2-9, 11, 15-16`.
select
    part, load_id,
    string_agg(if(first_row = last_row, '', first_row || '-') || last_row, ', ' order by first_row) as source_rows
from (
    select part, load_id, min(source_row) as first_row, max(source_row) as last_row
    from (select *, source_row - row_number() over (partition by part, load_id order by source_row) as run from events)
    group by part, load_id, run
)
group by all

-- query: rows
select
    part, amount, source, extract_date, coalesce(delivered_name, file_name) as file_name, load_id, source_row
from events
inner join audit.load using (load_id)
order by list_position($parts, part), extract_date, load_id, source_row

-- query: missing_days
-- Days of the month without an accepted delivery of a source, or with one that lacks a line, a type or a column.
select distinct
    sources.source,
    dates.date_day as day,
    case
        when gaps.day is not null then 'incomplete in part'
        when deliveries.is_in_figures and deliveries.status = 'rejected' then 'correction rejected'
        when deliveries.is_in_figures then 'without rows of the force'
        when deliveries.status in ('rejected', 'missing') then deliveries.status
        else 'not delivered'
    end as state
from measures.int_measure_source as sources
inner join marts.dim_date as dates on dates.month_start = $first_month
left join marts.deliveries as deliveries
    on sources.source = deliveries.source and dates.date_day = deliveries.extract_date
left join measures.int_source_day as days
    on sources.source = days.source and dates.date_day = days.day and days.force_code = $force_code
left join measures.int_measure_gap_day as gaps
    on sources.measure = gaps.measure and sources.source = gaps.source
    and dates.date_day = gaps.day and gaps.force_code = $force_code
where list_contains($measures, sources.measure) and (gaps.day is not null or not coalesce(days.is_loaded, false))
order by all

-- query: quarantined
-- Of the month's deliveries, and of others that the figure was counted from.
select source, extract_date, file_name, load_id, reason_code, count(*) as rows
from marts.quarantine
where
    source in (select source from measures.int_measure_source where list_contains($measures, measure))
    and (date_trunc('month', extract_date) = $first_month or list_contains($loads, load_id))
group by all
order by all

-- query: published
select value, display_value
from marts.kpi_measure_period
where force_code = $force_code and list_contains($measures, measure) and month_start = $first_month and period = 'month'
