{#- Models that rebuild exactly the keys that a pending load changed.

    A correction may change a row, bring one for a key that an older extract still holds, or withdraw the only row
    of a key. So a build deletes every changed key and inserts its current rows from the sources, possibly none.
    Merge and delete+insert cannot do that: both start from the rows that exist, and a key without remaining rows
    would stay in the table permanently. The deletion is a pre-hook because both dialects run it in the model's own
    transaction where they have one; after a kill between the two, the load is still pending and the next build
    repeats both with the same result.

    `chg_SOURCE_rows` holds every row that a changed key ever had, also those of replaced loads, by its load and its
    number. A fact carries load and number of the row that it was read from, so facts are found by two integers whose
    range is narrow: of 8 million rows of ten years all but those of the changed weeks are skipped unread. Finding them
    by their keys reads every key, which is text without an order.

    An identifier may be used for several events: of the rows of current loads with one identifier, in order of their
    event times, a gap of more than `identityDays` of the contract begins another event (`audit.contract.identity_days`;
    null: never). How many events came before is the epoch, part of the keys of facts. It follows from the times alone,
    so it is the same whatever the order of delivery; a row in between may make two events one, and all rows of an
    identifier are rebuilt together. -#}

{#- Query: the rows of a relation, with the epoch of each.
    `relation`: rows of current loads, of whole identifiers, with the columns `key` and the `time` of the event. -#}
{% macro with_epochs(relation, base, key, time) %}
    select
        flagged.*,
        sum(flagged.begins) over (
            partition by flagged.{{ key | join(", flagged.") }}
            order by flagged.{{ time }} asc nulls first
            range between unbounded preceding and current row
        ) as epoch
    from (
        select
            timed.*,
            case
                when
                    {{ microseconds("timed." ~ time) }} - {{ microseconds("timed.time_before") }} > {{ longest_gap(base) }}
                    then 1
                else 0
            end as begins
        from (
            select
                extract_rows.*,
                lag(extract_rows.{{ time }}) over (
                    partition by extract_rows.{{ key | join(", extract_rows.") }}
                    order by extract_rows.{{ time }} asc nulls first
                ) as time_before
            from {{ relation }} as extract_rows
        ) as timed
    ) as flagged
{%- endmacro %}

{#- Microseconds within which the rows of an event of a source follow each other; null if any time may pass. -#}
{% macro longest_gap(base) -%}
    (select 86400000000 * max(identity_days) from {{ source("audit", "contract") }} where source = '{{ base }}')
{%- endmacro %}


{#- Query of `chg_SOURCE_rows`. `key`: columns of the identifier, which is rebuilt as a whole, as all segments of a call;
    `part`: column that tells the rows of an event apart, if it has several; `time`: that of the event in the raw table, if
    the identifier is not for life; `dates`: column to the time in the raw table whose local date it is. Nothing in a full
    build, which asks for no changed key. -#}
{% macro changed_rows(base, key, part=none, time=none, dates={}) %}
{%- do config(meta={"event_key": key}) -%}
{#- Not a CTE: it is read twice, and DuckDB would materialise such a CTE for every row. -#}
{%- set extract_rows = source("raw", base) ~ " as extract_rows" -%}
{%- set row_key = key + ([part] if part else []) -%}
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
    select load_id
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
        {%- for name, of in dates.items() %}
        cast({{ local_date("extract_rows." ~ of) }} as date) as {{ name }},
        {%- endfor %}
        extract_rows.{{ (row_key + ([time] if time else [])) | join(",\n        extract_rows.") }},
        extract_rows.extract_date,
        extract_rows.load_id,
        extract_rows.source_row,
        standing_loads.load_id is not null as is_standing
    from {{ extract_rows }}
    inner join changed_keys
        on {{ same_columns("extract_rows", "changed_keys", key) }}
    left join standing_loads
        on extract_rows.load_id = standing_loads.load_id
),

-- Rows of replaced loads are no part of an event; they are listed so that what they left is deleted.
events as (
    {%- if time %}
    {{- with_epochs("versions", base, key + ["is_standing"], time) }}
    {%- else %}
    select
        *,
        0 as epoch
    from versions
    {%- endif %}
),

ranked as (
    select
        *,
        cast(row_number() over (
            partition by
                {{ row_key | join(",\n                ") }},
                epoch,
                is_standing
            order by
                extract_date desc nulls last,
                load_id desc nulls last,
                source_row desc nulls last
        ) as bigint) as row_num
    from events
)

select
    {%- for name in dates %}
    {{ name }},
    {%- endfor %}
    cast(load_id as bigint) as load_id,
    cast(source_row as bigint) as source_row,
    {%- if time %}
    cast(epoch as bigint) as epoch,
    {%- endif %}
    cast(is_standing and row_num = 1 as boolean) as is_current
from ranked
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
    once; load and row still break ties, so that two builds never differ. Only identifiers that need it are ranked, those
    with a key that occurs twice or with a gap: a window over every row took 2.7 times the memory at 13 M rows.

    `key`, `part`, `time`: as in `changed_rows`, with `part` only if there is a `time`; `epoch`: the column for it. -#}
{% macro latest_rows(base, key, part=none, time=none, epoch=none) %}
    {%- set relation = ref("stg_" ~ base) -%}
    {%- set row_key = key + ([part] if part else []) -%}
    {%- if is_incremental() %}
    select
        whole.*
        {%- if time %},
        changed.epoch as {{ epoch }}
        {%- endif %}
    from {{ relation }} as whole
    inner join {{ ref("chg_" ~ base ~ "_rows") }} as changed
        on {{ same_columns("whole", "changed", ["load_id", "source_row"]) }}
    where changed.is_current
    {%- else %}
    select
        whole.*
        {%- if time %},
        cast(coalesce(repeated.epoch, 0) as bigint) as {{ epoch }}
        {%- endif %}
    from {{ relation }} as whole
    left join (
        select
            events.load_id,
            events.source_row,
            events.epoch,
            cast(row_number() over (
                partition by events.{{ row_key | join(", events.") }}, events.epoch
                order by
                    events.extract_date desc nulls last,
                    events.load_id desc nulls last,
                    events.source_row desc nulls last
            ) as bigint) as row_num
        from (
            {%- set repeated_rows -%}
(
                select
                    extract_rows.{{ (row_key + ([time] if time else [])) | join(", extract_rows.") }},
                    extract_rows.extract_date,
                    extract_rows.load_id,
                    extract_rows.source_row
                from {{ relation }} as extract_rows
                inner join (
                    select {{ key | join(", ") }}
                    from {{ relation }}
                    group by {{ key | join(", ") }}
                    {%- if part %}
                    having
                        count(*) > count(distinct {{ part }})
                        or {{ microseconds("max(" ~ time ~ ")") }} - {{ microseconds("min(" ~ time ~ ")") }}
                        > {{ longest_gap(base) }}
                    {%- else %}
                    having count(*) > 1
                    {%- endif %}
                ) as repeated_keys
                    on {{ same_columns("extract_rows", "repeated_keys", key) }}
            )
            {%- endset %}
            {%- if time %}
            {{- with_epochs(repeated_rows, base, key, time) }}
            {%- else %}
            select
                extract_rows.*,
                0 as epoch
            from {{ repeated_rows }} as extract_rows
            {%- endif %}
        ) as events
    ) as repeated
        on {{ same_columns("whole", "repeated", ["load_id", "source_row"]) }}
    where coalesce(repeated.row_num, 1) = 1
    {%- endif %}
{% endmacro %}
