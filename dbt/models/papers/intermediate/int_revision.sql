{{ config(materialized="view") }}

with

publications as (

    select
        *,
        lag(run_id) over in_order as previous_run_id,
        project_fingerprint <> lag(project_fingerprint) over in_order as has_other_definitions
    from {{ source("audit", "publication") }}
    window in_order as (order by publication_no asc nulls last)

),

versions as (

    select
        *,
        lag(value) over figure as previous_value,
        lag(is_provisional) over figure as was_provisional,
        coalesce(lag(is_removed) over figure, true) as is_new
    from {{ source("audit", "figure_version") }}
    window figure as (partition by force_code, measure, month_start order by publication_no asc nulls last)

)

select
    publications.run_id,
    publications.published_at,
    publications.previous_run_id,
    versions.force_code,
    versions.measure,
    versions.month_start,
    versions.previous_value,
    versions.value,
    cast(versions.value - versions.previous_value as decimal(38, 6)) as change,
    versions.is_new,
    versions.is_removed,
    versions.was_provisional,
    versions.is_provisional,
    case
        when publications.has_other_definitions and versions.deliveries is not null then 'both'
        when publications.has_other_definitions then 'definitions'
        when versions.deliveries is not null then 'deliveries'
        else 'other'
    end as cause,
    versions.deliveries,
    versions.delivery_count
from versions
inner join publications
    on versions.publication_no = publications.publication_no
