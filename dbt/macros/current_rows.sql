{#- Query: rows of the current loads of a source, with the columns of its raw table, the local dates of some times, and, of a
    source whose identifiers may begin again, how often they had (`epoch`). -#}
{% macro current_rows(base, epoch=none, dates={}) %}
select
    {%- for name, time in dates.items() %}
    {{ local_date("extract_rows." ~ time) }} as {{ name }},
    {%- endfor %}
    {%- if epoch %}
    cast(coalesce(loads.key_epoch, 0) as bigint) as {{ epoch }},
    {%- endif %}
    extract_rows.*
from {{ source("raw", base) }} as extract_rows
inner join {{ source("audit", "load") }} as loads
    on extract_rows.load_id = loads.load_id
where loads.source = '{{ base }}' and loads.status = 'loaded'
{% endmacro %}
