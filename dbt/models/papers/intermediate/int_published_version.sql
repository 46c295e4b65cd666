{{ config(materialized="view") }}
{%- set days = var("published_versions_days") %}
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
with

publications as (

    select
        *,
        max(published_at) over () as newest_published_at
    from {{ source("audit", "publication") }}

),

versions as (

    select
        *,
        lead(publication_no) over (
            partition by force_code, measure, month_start
            order by publication_no asc nulls last
        ) as next_publication_no
    from {{ source("audit", "figure_version") }}

)

select
    publications.run_id,
    publications.published_at,
    versions.force_code,
    versions.measure,
    versions.month_start,
    versions.value,
    versions.is_provisional
from versions
inner join publications
    on
        versions.publication_no <= publications.publication_no
        and publications.publication_no < coalesce(versions.next_publication_no, publications.publication_no + 1)
where
    not versions.is_removed
    {%- if days %}
    and cast(publications.published_at as date)
    > {{ date_plus("cast(publications.newest_published_at as date)", -days, "day") }}
    {%- endif %}
