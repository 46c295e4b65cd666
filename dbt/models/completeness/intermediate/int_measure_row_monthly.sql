with

source_rows as (select * from {{ ref("int_source_row_monthly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

loaded_forces as (select distinct force_code from {{ ref("int_source_day") }})

-- A row whose member could not be read may belong to any, and a measure without listed members counts all of them.
select
    source_rows.force_code,
    measures.measure,
    source_rows.source,
    source_rows.month_start,
    cast(sum(source_rows.rows_read) as bigint) as rows_read,
    cast(sum(source_rows.rows_quarantined) as bigint) as rows_quarantined
from source_rows
inner join loaded_forces
    on source_rows.force_code = loaded_forces.force_code
inner join measures
    on position(',' || source_rows.source || ',' in ',' || measures.sources || ',') > 0
where
    source_rows.member is null
    or position(',' || source_rows.source || ':' in ',' || coalesce(measures.members, '')) = 0
    or position(',' || source_rows.source || ':' || source_rows.member || ',' in ',' || measures.members || ',') > 0
group by all
