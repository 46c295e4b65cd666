{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_crimes_rows') }}") }}

with

states as (
    {{- only_changed_rows(ref("fct_crime_status"), "chg_crimes_rows") }}
),

crimes as (
    select
        *,
        status = 'cancelled' as is_cancelled
    from states
    where is_current
)

select
    cast(force_code as {{ dbt.type_string() }}) as force_code,
    cast(crime_ref as bigint) as crime_ref,
    cast(recorded_at as timestamp) as recorded_at,
    cast(recorded_date as date) as recorded_date,
    cast(offence_code as {{ dbt.type_string() }}) as offence_code,
    cast(status as {{ dbt.type_string() }}) as status,
    cast(is_cancelled as boolean) as is_cancelled,
    -- A re-instated crime may keep the date and code of its former cancellation.
    cast(case when is_cancelled then cancelled_at end as timestamp) as cancelled_at,
    cast(case when is_cancelled then cancelled_date end as date) as cancelled_date,
    cast(case when is_cancelled then cancel_code end as {{ dbt.type_string() }}) as cancel_code,
    cast(case when is_cancelled then {{ days_between("recorded_date", "cancelled_date") }} end as bigint)
        as days_to_cancel,
    cast(report_channel as {{ dbt.type_string() }}) as report_channel,
    cast(district as {{ dbt.type_string() }}) as district,
    cast(updated_at as timestamp) as updated_at,
    cast(is_dst_ambiguous as boolean) as is_dst_ambiguous,
    cast(extract_date as date) as extract_date,
    cast(load_id as bigint) as load_id,
    cast(source_row as bigint) as source_row
from crimes
