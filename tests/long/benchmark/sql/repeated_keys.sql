-- Rows are numbered in the order of the files and their lines, so that the number of a row tells its line. Every row is
-- there, faulty ones with their fault.
create temp table file_rows as
select
    load_id,
    min(row_no) as first_row,
    count(*) as rows_read
from raw.{source}
group by load_id;

-- Rows that share their key with another row, of any extract: keys are counted by their hash, which takes a quarter of
-- the memory; keys of one hash are told apart below.
create temp table placed as
with repeated as materialized (
    select hash({key}) as key_hash
    from raw.{source}
    where fault is null
    group by key_hash
    having count(*) > 1
),

candidates as (
    select *
    from raw.{source}
    where fault is null and hash({key}) in (select key_hash from repeated)
),

compared as (
    select
        row_no,
        extract_date,
        {key},
        coalesce(
            row({cells}) is not distinct from lag(row({cells})) over (partition by extract_date, {key} order by row_no),
            false
        ) as is_repetition
    from candidates
),

-- Of equal rows the first is kept, of different ones the last.
of_extract as (
    select
        *,
        row_number() over (partition by extract_date, {key}, is_repetition order by row_no desc) as place
    from compared
)

select
    row_no,
    is_repetition,
    is_repetition or place > 1 as is_losing,
    row_number() over (
        partition by {key}, is_repetition or place > 1
        order by extract_date desc
    ) > 1 as is_overtaken
from of_extract;

create temp table not_current as
select row_no
from placed
where is_losing or is_overtaken;

insert into audit.quarantine
with at_fault as (
    select
        row_no,
        load_id,
        split_part(fault, ':', 1) as column_name,
        split_part(fault, ':', 2) as reason_code
    from raw.{source}
    where fault is not null
    union all
    select
        candidates.row_no,
        load_id,
        null,
        case when is_repetition then 'duplicate_row' else 'superseded_row' end
    from raw.{source} as candidates
    join placed on candidates.row_no = placed.row_no
    where is_losing
)

select
    load_id,
    '{source}' as source,
    extract_date,
    file_name,
    row_no - first_row + 2 as source_row,
    column_name,
    reason_code,
    reason_code as reason
from at_fault
join file using (load_id)
join file_rows using (load_id);
