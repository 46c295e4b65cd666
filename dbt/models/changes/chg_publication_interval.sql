{#- A view: publishing again without a build reads it too, after another publication was recorded. -#}
{{ config(materialized="view") }}

with

publications as (select * from {{ ref("stg_publications") }}),

builds_started as (select * from {{ source("audit", "build_started") }}),

last_publication as (
    select max(publication_no) as publication_no
    from publications
),

last_build as (
    select max(project_fingerprint) as project_fingerprint
    from builds_started
)

select
    cast(last_publication.publication_no as bigint) as last_publication_no,
    cast(coalesce(publications.change_seq, 0) as bigint) as last_change_seq,
    cast(coalesce(last_build.project_fingerprint <> publications.project_fingerprint, false) as boolean)
        as has_other_definitions
from last_publication
cross join last_build
left join publications
    on last_publication.publication_no = publications.publication_no
