with

states as (select * from {{ source("raw", "crimes") }}),

current_loads as (
    select
        load_id,
        key_epoch
    from {{ ref("stg_loads") }}
    where source = 'crimes' and status = 'loaded'
),

final as (
    select
        cast(states.force_code as {{ dbt.type_string() }}) as force_code,
        cast(states.crime_ref as {{ dbt.type_string() }}) as crime_ref,
        cast(current_loads.key_epoch as bigint) as crime_epoch,
        cast(states.updated_at as timestamp) as updated_at,
        {{ local_date("states.updated_at") }} as updated_date,
        cast(states.recorded_at as timestamp) as recorded_at,
        {{ local_date("states.recorded_at") }} as recorded_date,
        cast(states.offence_code as {{ dbt.type_string() }}) as offence_code,
        cast(states.status as {{ dbt.type_string() }}) as status,
        cast(states.cancelled_at as timestamp) as cancelled_at,
        {{ local_date("states.cancelled_at") }} as cancelled_date,
        cast(states.cancel_code as {{ dbt.type_string() }}) as cancel_code,
        cast(states.report_channel as {{ dbt.type_string() }}) as report_channel,
        cast(states.district as {{ dbt.type_string() }}) as district,
        cast(states.is_dst_ambiguous as boolean) as is_dst_ambiguous,
        cast(states.extract_date as date) as extract_date,
        cast(states.load_id as bigint) as load_id,
        cast(states.source_row as bigint) as source_row
    from states
    inner join current_loads
        on states.load_id = current_loads.load_id
)

select * from final
