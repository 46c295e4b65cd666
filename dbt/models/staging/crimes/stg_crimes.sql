with

states as (select * from {{ source("raw", "crimes") }}),

-- One row for each district in any case, since systems write it in several.
districts as (
    select
        force_code,
        lower(district) as lowered,
        min(district) as district
    from {{ ref("districts") }}
    group by
        force_code,
        lower(district)
),

listed_forces as (
    select force_code
    from districts
    group by force_code
),

current_loads as (
    select
        load_id,
        coalesce(key_epoch, 0) as key_epoch
    from {{ source("audit", "load") }}
    where source = 'crimes' and status = 'loaded'
)

select
    cast(states.force_code as {{ dbt.type_string() }}) as force_code,
    cast(states.crime_ref as bigint) as crime_ref,
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
    -- A text that no list has may be anything, so it stays in the raw table.
    cast(
        case
            when states.district is not null and listed_forces.force_code is not null
                then coalesce(districts.district, 'unknown')
        end as {{ dbt.type_string() }}
    ) as district,
    states.district is not null and listed_forces.force_code is null as is_district_hidden,
    cast(states.is_dst_ambiguous as boolean) as is_dst_ambiguous,
    cast(states.extract_date as date) as extract_date,
    cast(states.load_id as bigint) as load_id,
    cast(states.source_row as bigint) as source_row
from states
inner join current_loads
    on states.load_id = current_loads.load_id
left join listed_forces
    on states.force_code = listed_forces.force_code
left join districts
    on states.force_code = districts.force_code
    and lower(states.district) = districts.lowered
