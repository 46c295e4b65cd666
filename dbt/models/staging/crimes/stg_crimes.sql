-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent
with

states as (
    {{- current_rows(
        "crimes",
        dates={"updated_date": "updated_at", "recorded_date": "recorded_at", "cancelled_date": "cancelled_at"},
    ) }}
),

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

listed_forces as (select distinct force_code from districts)

select
    states.force_code,
    states.crime_ref,
    states.updated_at,
    states.updated_date,
    states.recorded_at,
    states.recorded_date,
    states.offence_code,
    states.status,
    states.cancelled_at,
    states.cancelled_date,
    states.cancel_code,
    states.report_channel,
    -- A text that no list has may be anything, so it stays in the raw table.
    case
        when states.district is not null and listed_forces.force_code is not null
            then coalesce(districts.district, 'unknown')
    end as district,
    states.is_dst_ambiguous,
    states.extract_date,
    states.load_id,
    states.source_row
from states
left join listed_forces
    on states.force_code = listed_forces.force_code
left join districts
    on states.force_code = districts.force_code
    and lower(states.district) = districts.lowered
