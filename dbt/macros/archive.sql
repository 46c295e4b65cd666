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
    {%- set purged = purged_sources(purges, archive.sources) if execute else [] -%}
    {%- if purged -%}
        {%- set archived = api.Relation.create(
            database=purges.database, schema="archive", identifier=this.identifier
        ) -%}
        {%- set names = [] -%}
        {%- for column in adapter.get_columns_in_relation(archived) -%}
            {%- do names.append(adapter.quote(column.name)) -%}
        {%- endfor -%}
        {%- set columns = names | join(", ") -%}
        {%- if archive.key -%}
insert into {{ this }} ({{ columns }})
select {{ columns }} from {{ archived }} where {{ archive.key }} not in (select {{ archive.key }} from {{ this }})
        {%- else -%}
            {%- set conditions = [] -%}
            {%- for source, day in (purged if archive.is_by_source else purged[-1:]) -%}
                {%- set is_before = archive.day ~ " < cast('" ~ day ~ "' as date)" -%}
                {%- do conditions.append(
                    "(source = '" ~ source ~ "' and " ~ is_before ~ ")" if archive.is_by_source else is_before
                ) -%}
            {%- endfor -%}
            {%- set is_purged -%}
where ({{ conditions | join(" or ") }}) {{ in_changed_months("and", archive.day, archive.sources) }}
            {%- endset -%}
delete from {{ this }} {{ is_purged }};
insert into {{ this }} ({{ columns }})
select {{ columns }} from {{ archived }} {{ is_purged }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{#- Purged sources among some, each with the day before which it was purged, the latest day last. -#}
{% macro purged_sources(purges, sources) %}
    {%- set query -%}
select
    source,
    cast(purged_before as {{ dbt.type_string() }}) as purged_before
from {{ purges }}
where source in ('{{ sources | join("', '") }}')
order by purged_before asc nulls last
    {%- endset -%}
    {%- set found = [] -%}
    {%- for row in run_query(query).rows -%}
        {%- do found.append((row[0], row[1])) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}
