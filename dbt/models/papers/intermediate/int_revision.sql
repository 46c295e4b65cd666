{{ config(materialized="view") }}

with

publications as (select * from {{ ref("stg_publications") }}),

versions as (select * from {{ ref("stg_figure_versions") }}),

ordered as (

    select
        *,
        lag(run_id) over (order by publication_no asc nulls last) as previous_run_id,
        project_fingerprint <> lag(project_fingerprint) over (order by publication_no asc nulls last)
            as has_other_definitions
    from publications

),

followed as (

    select
        *,
        lag(value) over (
            partition by force_code, measure, month_start
            order by publication_no asc nulls last
        ) as previous_value,
        lag(is_provisional) over (
            partition by force_code, measure, month_start
            order by publication_no asc nulls last
        ) as was_provisional,
        coalesce(
            lag(is_removed) over (
                partition by force_code, measure, month_start
                order by publication_no asc nulls last
            ),
            true
        ) as is_new
    from versions

),

final as (

    select
        cast(ordered.run_id as {{ dbt.type_string() }}) as run_id,
        cast(ordered.published_at as timestamp) as published_at,
        cast(ordered.previous_run_id as {{ dbt.type_string() }}) as previous_run_id,
        cast(followed.force_code as {{ dbt.type_string() }}) as force_code,
        cast(followed.measure as {{ dbt.type_string() }}) as measure,
        cast(followed.month_start as date) as month_start,
        cast(followed.previous_value as decimal(38, 6)) as previous_value,
        cast(followed.value as decimal(38, 6)) as value,
        cast(followed.value - followed.previous_value as decimal(38, 6)) as change,
        cast(followed.is_new as boolean) as is_new,
        cast(followed.is_removed as boolean) as is_removed,
        cast(followed.was_provisional as boolean) as was_provisional,
        cast(followed.is_provisional as boolean) as is_provisional,
        cast(case
            when ordered.has_other_definitions and followed.deliveries is not null then 'both'
            when ordered.has_other_definitions then 'definitions'
            when followed.deliveries is not null then 'deliveries'
            else 'other'
        end as {{ dbt.type_string() }}) as cause,
        cast(followed.deliveries as {{ dbt.type_string() }}) as deliveries,
        cast(followed.delivery_count as bigint) as delivery_count
    from followed
    inner join ordered
        on followed.publication_no = ordered.publication_no

)

select * from final
