{{ config(materialized="view") }}
{%- set days = var("published_versions_days") %}

with

publications as (select * from {{ ref("stg_publications") }}),

versions as (select * from {{ ref("stg_figure_versions") }}),

{% if days %}
newest as (

    select max(published_at) as published_at
    from publications

),
{% endif %}
shown as (

    select publications.*
    from publications
    {%- if days %}
    cross join newest
    where
        cast(publications.published_at as date)
        > {{ date_plus("cast(newest.published_at as date)", -days, "day") }}
    {%- endif %}

),

dated as (

    select
        *,
        lead(publication_no) over (
            partition by force_code, measure, month_start
            order by publication_no asc nulls last
        ) as next_publication_no
    from versions

),

final as (

    select
        cast(shown.run_id as {{ dbt.type_string() }}) as run_id,
        cast(shown.published_at as timestamp) as published_at,
        cast(dated.force_code as {{ dbt.type_string() }}) as force_code,
        cast(dated.measure as {{ dbt.type_string() }}) as measure,
        cast(dated.month_start as date) as month_start,
        cast(dated.value as decimal(38, 6)) as value,
        cast(dated.is_provisional as boolean) as is_provisional
    from dated
    inner join shown
        on dated.publication_no <= shown.publication_no
        and shown.publication_no < coalesce(dated.next_publication_no, shown.publication_no + 1)
    where not dated.is_removed

)

select * from final
