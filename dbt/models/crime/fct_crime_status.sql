{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_crimes_rows') }}") }}

with

-- A new state replaces an older one as current, so a changed crime is rebuilt with all its states.
states as (
    {{- latest_rows(ref("stg_crimes"), key=["force_code", "crime_ref", "crime_epoch", "updated_at"], changed="chg_crimes_rows") }}
),

latest_states as (
    select
        force_code,
        crime_ref,
        crime_epoch,
        max(updated_at) as updated_at
    from states
    group by all
)

select
    cast(states.force_code as {{ dbt.type_string() }}) as force_code,
    cast(states.crime_ref as bigint) as crime_ref,
    cast(states.crime_epoch as bigint) as crime_epoch,
    cast(states.updated_at as timestamp) as updated_at,
    cast(states.updated_date as date) as updated_date,
    cast(states.recorded_at as timestamp) as recorded_at,
    cast(states.recorded_date as date) as recorded_date,
    cast(states.offence_code as {{ dbt.type_string() }}) as offence_code,
    cast(states.status as {{ dbt.type_string() }}) as status,
    cast(states.cancelled_at as timestamp) as cancelled_at,
    cast(states.cancelled_date as date) as cancelled_date,
    cast(states.cancel_code as {{ dbt.type_string() }}) as cancel_code,
    cast(states.report_channel as {{ dbt.type_string() }}) as report_channel,
    cast(states.district as {{ dbt.type_string() }}) as district,
    cast(states.updated_at = latest_states.updated_at as boolean) as is_current,
    cast(states.is_dst_ambiguous as boolean) as is_dst_ambiguous,
    cast(states.extract_date as date) as extract_date,
    cast(states.load_id as bigint) as load_id,
    cast(states.source_row as bigint) as source_row
from states
inner join latest_states
    on {{ same_columns("states", "latest_states", ["force_code", "crime_ref", "crime_epoch"]) }}
