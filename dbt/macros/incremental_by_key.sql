{#- Models that rebuild exactly the keys that a pending load touched.

    A correction may change a row, bring one for a key that an older extract still holds, or withdraw the only row of a
    key. So a build deletes every touched key and inserts what the sources give for it today, which may be nothing.
    Merge and delete+insert cannot do that: both start from the rows that exist, and a key whose rows are all gone
    would stay in the table for good. The deletion is a pre-hook because both dialects run it in the model's own
    transaction where they have one; after a kill between the two, the load is still pending and the next build
    repeats both with the same result.

    Touched keys come from the `stg_SOURCE_touched` views, which see the rows of replaced loads as well. -#}

{#- Pre-hook: delete from the model's table the rows of every touched key. Nothing on a first or full build.
    `touched` is the name of the view, `key` the list of columns; a model coarser than the view gives fewer columns. -#}
{% macro forget_touched(touched, key) %}
    {#- Outside the condition, since dbt takes a dependency only from a ref that it sees while parsing. -#}
    {%- set touched_relation = ref(touched) -%}
    {%- if is_incremental() %}
delete from {{ this }}
where exists (
    select 1
    from {{ touched_relation }} as touched
    where
        {%- for column in key %}
        {{ "and " if not loop.first }}touched.{{ column }} = {{ this }}.{{ column }}
        {%- endfor %}
)
    {%- endif -%}
{% endmacro %}

{#- Query: the rows of a relation that belong to touched keys; all of them on a first or full build. -#}
{% macro touched_rows(relation, touched, key, columns=["*"]) %}
    select
        {%- for column in columns %}
        whole.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ relation }} as whole
    {%- if is_incremental() %}
    inner join (
        select distinct {{ key | join(", ") }}
        from {{ ref(touched) }}
    ) as touched
        on
            {%- for column in key %}
            {{ "and " if not loop.first }}whole.{{ column }} = touched.{{ column }}
            {%- endfor %}
    {%- endif %}
{% endmacro %}

{#- Query: of each key the row of the latest extract, restricted to touched keys. Within one extract a key occurs once;
    the load and the row break ties all the same, so that two builds never differ.
    Only keys that occur twice are ranked: a window over every row took 2.7 times the memory at 13 M rows. -#}
{% macro latest_rows(relation, touched, key) %}
with

extract_rows as (
    {{- touched_rows(relation, touched, key, columns=key + ["extract_date", "load_id", "source_row"]) }}
),

repeated_keys as (
    select {{ key | join(", ") }}
    from extract_rows
    group by {{ key | join(", ") }}
    having count(*) > 1
),

ranked as (
    select
        extract_rows.load_id,
        extract_rows.source_row,
        row_number() over (
            partition by
                {%- for column in key %}
                extract_rows.{{ column }}{{ "," if not loop.last }}
                {%- endfor %}
            order by
                extract_rows.extract_date desc nulls last,
                extract_rows.load_id desc nulls last,
                extract_rows.source_row desc nulls last
        ) as place
    from extract_rows
    inner join repeated_keys
        on
            {%- for column in key %}
            {{ "and " if not loop.first }}extract_rows.{{ column }} = repeated_keys.{{ column }}
            {%- endfor %}
),

superseded as (
    select
        load_id,
        source_row
    from ranked
    where place > 1
),

candidates as (
    {{- touched_rows(relation, touched, key) }}
),

final as (
    select candidates.*
    from candidates
    left join superseded
        on candidates.load_id = superseded.load_id
        and candidates.source_row = superseded.source_row
    where superseded.load_id is null
)

select * from final
{% endmacro %}
