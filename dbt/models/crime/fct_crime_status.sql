{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_crimes_rows') }}") }}

with

-- A new state replaces an older one as current, so a changed crime is rebuilt with all its states.
states as (
    {{- latest_rows("crimes", key=["force_code", "crime_ref", "updated_at"]) }}
),

latest_states as (
    select
        force_code,
        crime_ref,
        max(updated_at) as updated_at
    from states
    group by all
)

select
    states.*,
    states.updated_at = latest_states.updated_at as is_current
from states
inner join latest_states
    on {{ same_columns("states", "latest_states", ["force_code", "crime_ref"]) }}
