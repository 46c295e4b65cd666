{% for source in ['call_segments', 'crimes', 'digital_contacts', 'live_chats', 'online_crime_reports'] %}
select
    load_id,
    source,
    files.extract_date,
    file_name,
    row_no - first_row + 2 as source_row,
    split_part(fault, ':', 1) as column_name,
    coalesce(split_part(fault, ':', 2), case when is_repetition then 'duplicate_row' else 'superseded_row' end)
        as reason_code,
    reason_code as reason
from {{ ref('typed_' ~ source) }} as rows
join {{ ref('counted_files') }} as files using (load_id)
left join {{ ref('repeated_' ~ source) }} as repeated using (row_no)
where fault is not null or is_losing
{% if not loop.last %}union all{% endif %}
{% endfor %}
