-- All rows of a source as text, with the number of the file and of the row, in the order of the files and lines.
{% macro extract(source, columns) %}
(
    select
        *,
        cast(file_index as bigint) as file_no,
        row_number() over () as row_no
    from read_csv(
        '{{ var("landing") }}/{{ source }}/*.csv',
        header = true, delim = ',', quote = '"', escape = '"', auto_detect = false, strict_mode = true,
        nullstr = ['', 'NULL', 'N/A', '-', '#N/A', '#DIV/0!', '-9999'],
        columns = {
            {% if var('has_force_column') %}'force_code': 'varchar',{% endif %}
            {% for column in columns %}'{{ column }}': 'varchar'{{ ',' if not loop.last }}{% endfor %}
        }
    )
)
{% endmacro %}

{% macro force() %}
{% if var('has_force_column') %}coalesce(lower(force_code), '{{ var("force") }}'){% else %}'{{ var("force") }}'{% endif %}
{% endmacro %}

-- Fault of a time whose text, local time and instant are `name`, `local` and `instant`.
{% macro faults_of_time(name, local, instant) %}
when fault_of_time({{ name }}, {{ local }}, {{ instant }}) is not null
    then '{{ name }}:' || fault_of_time({{ name }}, {{ local }}, {{ instant }})
{% endmacro %}

-- Rows that share their key with another row, of any extract: keys are counted by their hash, which takes a quarter of
-- the memory; keys of one hash are told apart below.
{% macro repeated(source, key, cells) %}
{% set key, cells = (['force_code'] + key) | join(', '), (['force_code'] + key + cells) | join(', ') %}
with repeated as materialized (
    select hash({{ key }}) as key_hash
    from {{ ref('typed_' ~ source) }}
    where fault is null
    group by key_hash
    having count(*) > 1
),

compared as (
    select
        row_no,
        extract_date,
        {{ key }},
        coalesce(
            row({{ cells }})
            is not distinct from lag(row({{ cells }})) over (partition by extract_date, {{ key }} order by row_no),
            false
        ) as is_repetition
    from {{ ref('typed_' ~ source) }}
    where fault is null and hash({{ key }}) in (select key_hash from repeated)
),

-- Of equal rows the first is kept, of different ones the last.
of_extract as (
    select
        *,
        row_number() over (partition by extract_date, {{ key }}, is_repetition order by row_no desc) as place
    from compared
)

select
    row_no,
    is_repetition,
    is_repetition or place > 1 as is_losing,
    row_number() over (partition by {{ key }}, is_repetition or place > 1 order by extract_date desc) > 1
        as is_overtaken
from of_extract
{% endmacro %}

-- The rows of a source that its extracts are accepted with.
{% macro accepted(source) %}
select
    rows.* exclude (fault),
    row_no - first_row + 2 as source_row
from {{ ref('typed_' ~ source) }} as rows
join {{ ref('counted_files') }} using (load_id)
where fault is null and row_no not in (select row_no from {{ ref('repeated_' ~ source) }} where is_losing)
{% endmacro %}

-- Which accepted rows no later extract has replaced.
{% macro is_current(source) %}
row_no not in (select row_no from {{ ref('repeated_' ~ source) }} where is_overtaken)
{% endmacro %}

-- One row if a table has a key twice or an empty cell that has to be filled.
{% macro failing(model, key, filled) %}
select *
from (
    select
        count(*) - count(distinct hash({{ key | join(', ') }})) as repeated_keys,
        count(*) filter ({{ (key + filled) | join(' is null or ') }} is null) as empty_cells
    from {{ ref(model) }}
) as counted
where repeated_keys > 0 or empty_cells > 0
{% endmacro %}
