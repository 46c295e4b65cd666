{#- Models that rebuild exactly the keys that a pending load changed.

    A correction may change a row, bring one for a key that an older extract still holds, or withdraw the only row
    of a key. So a build deletes every changed key and inserts its current rows from the sources, possibly none.
    Merge and delete+insert cannot do that: both start from the rows that exist, and a key without remaining rows
    would stay in the table permanently. The deletion is a pre-hook because both dialects run it in the model's own
    transaction where they have one; after a kill between the two, the load is still pending and the next build
    repeats both with the same result.

    `chg_SOURCE_rows` holds every row that a changed key ever had, also those of replaced loads, by its load and its
    number. Identifiers that began again are other keys (`key_epoch` of the load); they are rebuilt together, since the
    day from which on they are others may have changed. A fact carries load and number of the row that it was read from,
    so facts are found by two integers whose range is narrow: of 8 million rows of ten years all but those of the
    changed weeks are skipped unread. Finding them by their keys reads every key, which is text without an order. -#}

{#- Query of `chg_SOURCE_rows`. `key`: columns of what is rebuilt as a whole, as all segments of a call; `row_key`:
    columns of a row, where it has more; `dates`: column to the time in the raw table whose local date it is. Nothing in a
    full build, which asks for no changed key. -#}
{% macro changed_rows(base, key, row_key=none, dates={}) %}
{%- do config(meta={"event_key": key}) -%}
{#- Not a CTE: it is read twice, and DuckDB would materialise such a CTE for every row. -#}
{%- set extract_rows = source("raw", base) ~ " as extract_rows" -%}
with

pending_loads as (
    select load_id
    from {{ source("audit", "pending_load") }}
    where
        source = '{{ base }}'
        {%- if flags.FULL_REFRESH %}
        and 1 = 0
        {%- endif %}
),

standing_loads as (
    select
        load_id,
        coalesce(key_epoch, 0) as key_epoch
    from {{ source("audit", "load") }}
    where source = '{{ base }}' and status = 'loaded'
),

changed_keys as (
    select distinct extract_rows.{{ key | join(", extract_rows.") }}
    from {{ extract_rows }}
    inner join pending_loads
        on extract_rows.load_id = pending_loads.load_id
),

versions as (
    select
        {%- for name, time in dates.items() %}
        cast({{ local_date("extract_rows." ~ time) }} as date) as {{ name }},
        {%- endfor %}
        extract_rows.load_id,
        extract_rows.source_row,
        standing_loads.load_id is not null as is_standing,
        cast(row_number() over (
            partition by
                extract_rows.{{ (row_key or key) | join(", extract_rows.") }},
                standing_loads.key_epoch,
                standing_loads.load_id is not null
            order by
                extract_rows.extract_date desc nulls last,
                extract_rows.load_id desc nulls last,
                extract_rows.source_row desc nulls last
        ) as bigint) as row_num
    from {{ extract_rows }}
    inner join changed_keys
        on {{ same_columns("extract_rows", "changed_keys", key) }}
    left join standing_loads
        on extract_rows.load_id = standing_loads.load_id
)

select
    {%- for name in dates %}
    {{ name }},
    {%- endfor %}
    cast(load_id as bigint) as load_id,
    cast(source_row as bigint) as source_row,
    cast(is_standing and row_num = 1 as boolean) as is_current
from versions
{% endmacro %}

{#- Pre-hook: delete from the model's table the rows of every changed key. Nothing on a first or full build.
    `changed` is the name of the source's table of changed rows. -#}
{% macro delete_changed_rows(changed) %}
    {#- Outside the condition, because dbt only records a ref that it sees while parsing. -#}
    {%- set changed_relation = ref(changed) -%}
    {%- if is_incremental() %}
delete from {{ this }}
where exists (
    select 1
    from {{ changed_relation }} as changed
    where
        changed.load_id = {{ this }}.load_id
        and changed.source_row = {{ this }}.source_row
)
    {%- endif -%}
{% endmacro %}

{#- Query: the facts of a relation that belong to changed keys; all of them on a first or full build. -#}
{% macro only_changed_rows(relation, changed) %}
    select whole.*
    from {{ relation }} as whole
    {%- if is_incremental() %}
    inner join {{ ref(changed) }} as changed
        on {{ same_columns("whole", "changed", ["load_id", "source_row"]) }}
    {%- endif %}
{% endmacro %}

{#- Query: of each key the row of the latest extract, restricted to changed keys. Within one extract a key occurs
    once; load and row still break ties, so that two builds never differ. Only keys that occur twice are ranked: a
    window over every row took 2.7 times the memory at 13 M rows. A model of the materialization table reads no
    changed rows and passes none. -#}
{% macro latest_rows(relation, key, changed=none) %}
    {%- if is_incremental() %}
    {{- only_changed_rows(relation, changed) }}
    where changed.is_current
    {%- else %}
    select whole.*
    from {{ relation }} as whole
    left join (
        select
            extract_rows.load_id,
            extract_rows.source_row,
            cast(row_number() over (
                partition by extract_rows.{{ key | join(", extract_rows.") }}
                order by
                    extract_rows.extract_date desc nulls last,
                    extract_rows.load_id desc nulls last,
                    extract_rows.source_row desc nulls last
            ) as bigint) as row_num
        from {{ relation }} as extract_rows
        inner join (
            select {{ key | join(", ") }}
            from {{ relation }}
            group by {{ key | join(", ") }}
            having count(*) > 1
        ) as repeated_keys
            on {{ same_columns("extract_rows", "repeated_keys", key) }}
    ) as repeated
        on {{ same_columns("whole", "repeated", ["load_id", "source_row"]) }}
        and repeated.row_num > 1
    where repeated.load_id is null
    {%- endif %}
{% endmacro %}
