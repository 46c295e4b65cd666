-- query: judged
-- A rejected delivery needs attention until the next attempt for its day; all files of one attempt have the same run.
--
-- The mart `deliveries` states the same for what is published. The rule is here too, because status, alerts and
-- withdrawals are needed before the first build and between a load and its build, when the mart is missing or older than
-- the audit; and a publication of an earlier version has no such mart. tests/unit/warehouse/test_state.py compares both.
select
    load.*,
    load.run_id = first_value(load.run_id) over (
        partition by load.source, load.extract_date order by load.load_id desc
    ) as is_newest
from (
    select *
    from {audit}
    union all by name
    -- A published audit has no error codes, and one of an earlier version does not say which rows repeat others.
    select cast(null as varchar) as error_code, cast(null as bigint) as rows_repeated where false
) as load
where load.withdrawn_at is null

-- query: unresolved_deliveries
select
    source,
    extract_date,
    status,
    min(reason) as reason,
    min(load_id) as load_id,
    coalesce(list(file_name order by load_id) filter (where file_name is not null), []) as files,
    status = 'rejected' and count(nullif(error_code, 'force_missing')) = 0 and not $is_published as is_acceptable
from ({judged}) as judged
where is_newest and status in ('rejected', 'missing_delivery')
group by source, extract_date, status
union all
select
    source,
    extract_date,
    'incomplete',
    string_agg(distinct reason, '; ' order by reason),
    min(load_id),
    [],
    not $is_published
from {incomplete}
where reason is not null
group by source, extract_date
order by status = 'rejected' desc, status, source, extract_date

-- query: newest_attempts
select *
from ({judged}) as judged
where
    source = $source
    and (status in ('loaded', 'empty') or (status = 'rejected' and is_newest))
order by extract_date, load_id

-- query: source_states
select
    source,
    count(distinct extract_date) filter (where status in ('loaded', 'empty')) as days_loaded,
    count(distinct extract_date) filter (where status = 'missing_delivery') as days_missing,
    count(distinct extract_date) filter (where status = 'rejected' and is_newest) as days_rejected,
    cast(coalesce(sum(rows_loaded) filter (where status = 'loaded'), 0) as bigint) as rows_loaded,
    cast(
        coalesce(sum(rows_quarantined - coalesce(rows_repeated, 0)) filter (where status = 'loaded' or is_newest), 0)
        as bigint
    ) as rows_quarantined,
    max(extract_date) filter (where status in ('loaded', 'empty')) as newest
from ({judged}) as judged
group by source
order by source

-- query: quarantined_rows
select
    file_name as file,
    column_name as "column",
    reason_code,
    count(*) as rows,
    min(source_row) as row,
    min_by(reason, source_row) as reason
from audit.quarantine
where list_contains($load_ids, load_id)
group by file_name, column_name, reason_code
order by file_name, count(*) desc, reason_code, column_name

-- query: affected_months
select
    source,
    force_code,
    month_start as month,
    rows_read,
    rows_quarantined,
    round(share_quarantined, 1) as share_quarantined
from marts.kpi_completeness_monthly
where is_affected_by_quarantine
order by month_start desc, source, force_code

-- query: affected_figures
select
    force_code,
    month_start as month,
    list(measure order by measure) as measures,
    max(rows_quarantined) as rows_quarantined
from marts.kpi_measure_monthly
where is_affected_by_quarantine and share_quarantined <= 1
group by force_code, month_start
order by month_start desc, force_code

-- query: days_without_loaded_row
select
    emptied.source,
    emptied.extract_date,
    list(distinct emptied.file_name order by emptied.file_name) as files,
    count(*) as rows_quarantined,
    mode(quarantine.reason_code) as reason_code
from (
    select *
    from ({judged}) as judged
    where status = 'loaded'
    qualify sum(rows_loaded) over (partition by source, extract_date) = 0
) as emptied
join {quarantine} as quarantine on emptied.load_id = quarantine.load_id
group by emptied.source, emptied.extract_date
order by emptied.extract_date desc, emptied.source

-- query: standing_days
select
    extract_date,
    cast(sum(rows_loaded) as bigint) as rows_loaded
from audit.load
where source = $source and status in ('loaded', 'empty')
group by extract_date
order by extract_date
