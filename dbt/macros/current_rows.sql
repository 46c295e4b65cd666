{#- Query: rows of the current loads of a source, with the columns of its raw table, and the local dates of some
    times. -#}
{% macro current_rows(base, dates={}) %}
select
    {%- for name, time in dates.items() %}
    {{ local_date("extract_rows." ~ time) }} as {{ name }},
    {%- endfor %}
    extract_rows.*
from {{ source("raw", base) }} as extract_rows
inner join {{ source("audit", "load") }} as loads
    on extract_rows.load_id = loads.load_id
where loads.source = '{{ base }}' and loads.status = 'loaded'
{% endmacro %}
