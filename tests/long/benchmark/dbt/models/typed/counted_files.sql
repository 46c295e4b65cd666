-- Rows are numbered in the order of the files and their lines, so that the number of a row tells its line.
select
    files.*,
    first_row,
    rows_read
from {{ ref('files') }} as files
join (
    {% for source in ['call_segments', 'crimes', 'digital_contacts', 'live_chats', 'online_crime_reports'] %}
    select
        load_id,
        min(row_no) as first_row,
        count(*) as rows_read
    from {{ ref('typed_' ~ source) }}
    group by load_id
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
) as counts using (load_id)
