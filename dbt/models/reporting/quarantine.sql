with

quarantined as (

    select * from {{ ref("stg_quarantine") }}

),

loads as (

    -- What was rejected and has gone from the landing folder is of no concern any more.
    select *
    from {{ ref("stg_loads") }}
    where withdrawn_at is null

),

newest_attempt as (

    select
        source,
        extract_date,
        max(load_id) as load_id
    from loads
    group by
        source,
        extract_date

),

-- A rejected delivery is current until another attempt at its day; an accepted one until a correction replaces it.
current_loads as (

    select loads.*
    from loads
    inner join newest_attempt
        on loads.source = newest_attempt.source
        and loads.extract_date = newest_attempt.extract_date
    inner join loads as newest
        on newest_attempt.load_id = newest.load_id
    where
        loads.status in ('loaded', 'empty')
        or (loads.status = 'rejected' and loads.run_id = newest.run_id)

),

final as (

    select
        cast(quarantined.load_id as bigint) as load_id,
        cast(quarantined.source as {{ dbt.type_string() }}) as source,
        cast(quarantined.force_code as {{ dbt.type_string() }}) as force_code,
        cast(quarantined.extract_date as date) as extract_date,
        cast(quarantined.file_name as {{ dbt.type_string() }}) as file_name,
        cast(quarantined.source_row as bigint) as source_row,
        cast(quarantined.column_name as {{ dbt.type_string() }}) as column_name,
        cast(quarantined.reason_code as {{ dbt.type_string() }}) as reason_code,
        cast(quarantined.reason as {{ dbt.type_string() }}) as reason
    from quarantined
    inner join current_loads
        on quarantined.load_id = current_loads.load_id

)

select * from final
