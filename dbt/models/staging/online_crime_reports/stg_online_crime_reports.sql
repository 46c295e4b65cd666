with

submissions as (select * from {{ source("raw", "online_crime_reports") }}),

current_loads as (
    select
        load_id,
        coalesce(key_epoch, 0) as key_epoch
    from {{ source("audit", "load") }}
    where source = 'online_crime_reports' and status = 'loaded'
),

final as (
    select
        cast(submissions.force_code as {{ dbt.type_string() }}) as force_code,
        cast(submissions.submission_id as {{ dbt.type_string() }}) as submission_id,
        cast(current_loads.key_epoch as bigint) as submission_epoch,
        cast(submissions.service as {{ dbt.type_string() }}) as service,
        cast(submissions.started_at as timestamp) as started_at,
        cast(submissions.submitted_at as timestamp) as submitted_at,
        {{ local_date("submissions.submitted_at") }} as submitted_date,
        cast(submissions.duplicate_of as {{ dbt.type_string() }}) as duplicate_of,
        cast(submissions.crime_ref as bigint) as crime_ref,
        cast(submissions.is_dst_ambiguous as boolean) as is_dst_ambiguous,
        cast(submissions.extract_date as date) as extract_date,
        cast(submissions.load_id as bigint) as load_id,
        cast(submissions.source_row as bigint) as source_row
    from submissions
    inner join current_loads
        on submissions.load_id = current_loads.load_id
)

select * from final
