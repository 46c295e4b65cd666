delete from raw.{source}
where fault is not null or row_no in (select row_no from placed where is_losing);

alter table raw.{source} drop column fault;

insert into audit.load by name
with lost as (
    select
        load_id,
        count(*) as rows_quarantined
    from audit.quarantine
    where source = '{source}'
    group by load_id
)

select
    load_id,
    '{source}' as source,
    extract_date,
    file_name,
    rows_read,
    rows_read - coalesce(rows_quarantined, 0) as rows_loaded,
    coalesce(rows_quarantined, 0) as rows_quarantined,
    'loaded' as status,
    true as is_synthetic,
    current_timestamp as loaded_at,
    'reference' as run_id,
    1 as change_seq
from file
join file_rows using (load_id)
left join lost using (load_id);

drop table file;

drop table file_rows;

drop table placed;

drop table not_current;
