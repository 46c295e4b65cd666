{{ config(materialized="table") }}

with

visits as (
    {{- latest_rows("front_counter_visits", key=["force_code", "visit_id"]) }}
),

final as (
    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(visit_id as {{ dbt.type_string() }}) as visit_id,
        cast(station as {{ dbt.type_string() }}) as station,
        cast(arrived_at as timestamp) as arrived_at,
        cast(arrived_date as date) as arrived_date,
        cast(seen_at is not null as boolean) as is_seen,
        {{ seconds_between("arrived_at", "seen_at") }} as wait_seconds,
        cast(reason as {{ dbt.type_string() }}) as reason,
        cast(load_id as bigint) as load_id,
        cast(source_row as bigint) as source_row
    from visits
)

select * from final
