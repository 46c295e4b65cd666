with

submissions as (
    select * from {{ source("raw", "online_crime_reports") }}
),

pending_loads as (
    select load_id
    from {{ source("audit", "pending_load") }}
    where source = 'online_crime_reports'
),

final as (
    select distinct
        cast(submissions.force_code as {{ dbt.type_string() }}) as force_code,
        cast(submissions.submission_id as {{ dbt.type_string() }}) as submission_id
    from submissions
    inner join pending_loads
        on submissions.load_id = pending_loads.load_id
)

select * from final
