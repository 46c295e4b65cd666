{#- Figures of months whose detail was purged (`fcir purge`).

    A purge removes the events of a source before a day, the first of a month, and copies what models have made of
    them into tables of the schema `archive`, one for each model that is the first to add up events. Such a model
    states `meta.archive`: the `sources` of its events, and its column with the `day` or month. With `is_by_source`,
    each row has a column `source` and was purged with it; otherwise with the latest purge of any of the sources. Its
    post-hook replaces the rows of purged days by those of the archive. So figures of purged months are as they were,
    whatever rows come later, and a build from scratch has them too. A list of what events name has no day but a `key`:
    it gets the archived rows that it lacks.

    Only DuckDB purges: without a purge there is no statement, and no archive table. -#}

{#- Post-hook: replace the rows of purged days by the archived ones. -#}
{% macro keep_archived() %}
    {#- Outside the condition, because dbt only records a source that it sees while parsing. -#}
    {%- set purges = source("audit", "purge") -%}
    {%- set archive = model.config.meta.archive -%}
    {%- set archived = adapter.get_relation(purges.database, "archive", this.identifier) if execute -%}
    {%- if archived -%}
        {#- What was archived by an earlier version may have a column that the model no longer has. -#}
        {%- set names = adapter.get_columns_in_relation(this) | map(attribute="name") | list -%}
        {%- set columns = adapter.get_columns_in_relation(archived) | selectattr("name", "in", names)
            | map(attribute="quoted") | join(", ") -%}
        {%- if archive.key -%}
insert into {{ this }} ({{ columns }})
select {{ columns }} from {{ archived }} where {{ archive.key }} not in (select {{ archive.key }} from {{ this }})
        {%- else -%}
delete from {{ this }} where {{ is_purged(this, purges, archive) }};
insert into {{ this }} ({{ columns }})
select {{ columns }} from {{ archived }} where {{ is_purged(archived, purges, archive) }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{#- Condition on a row of a relation: its detail was purged. -#}
{% macro is_purged(relation, purges, archive) -%}
    {{ archive.day }} < (
        select max(purges.purged_before) from {{ purges }} as purges
        where
            purges.source in ('{{ archive.sources | join("', '") }}')
            {{ "and purges.source = " ~ relation ~ ".source" if archive.is_by_source }}
    )
    {{ in_changed_months("and", archive.day, archive.sources) }}
{%- endmacro %}
