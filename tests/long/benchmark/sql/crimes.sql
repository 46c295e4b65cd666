create table raw.crimes as
with typed as (
    select
        *,
        local_time(updated_at) as updated_local,
        local_time(recorded_at) as recorded_local,
        local_time(cancelled_at) as cancelled_local
    from {extract}
),

clocked as (
    select
        *,
        ahead(updated_local) as updated_ahead,
        ahead(recorded_local) as recorded_ahead,
        ahead(cancelled_local) as cancelled_ahead
    from typed
),

begun as (
    select *, instant(recorded_local, recorded_ahead, false) as recorded
    from clocked
),

resolved as (
    select
        *,
        instant(updated_local, updated_ahead, is_after_start(updated_local, recorded)) as updated,
        instant(cancelled_local, cancelled_ahead, is_after_start(cancelled_local, recorded)) as cancelled,
        coalesce(recorded_ahead = -1, false)
        or coalesce(updated_ahead = -1 and not is_after_start(updated_local, recorded), false)
        or coalesce(cancelled_ahead = -1 and not is_after_start(cancelled_local, recorded), false)
            as is_dst_ambiguous
    from begun
)

select
    {force} as force_code,
    pseudonym(crime_ref) as crime_ref,
    updated as updated_at,
    cast(updated_local as date) as updated_date,
    recorded as recorded_at,
    cast(recorded_local as date) as recorded_date,
    offence_code,
    status,
    cancelled as cancelled_at,
    cast(cancelled_local as date) as cancelled_date,
    cancel_code,
    report_channel,
    district,
    is_dst_ambiguous,
    extract_date,
    load_id,
    row_no,
    case
        when
            crime_ref is not null and updated is not null and recorded is not null and offence_code is not null
            and status in ('recorded', 'cancelled')
            and case when cancelled_at is null then status <> 'cancelled' else cancelled >= recorded end
            and (cancel_code is null or cancel_code in ('C1', 'C2', 'C3', 'C4', 'C5'))
            and (report_channel is null or report_channel in (
                '999', '101', 'online', 'live_chat', 'front_counter', 'officer', 'other'
            ))
            then null
        else coalesce(
            case when crime_ref is null then 'crime_ref:required_empty' end,
            'updated_at:' || case
                when updated_at is null then 'required_empty' else fault_of_time(updated_at, updated_local, updated)
            end,
            'recorded_at:' || case
                when recorded_at is null then 'required_empty'
                else fault_of_time(recorded_at, recorded_local, recorded)
            end,
            case when offence_code is null then 'offence_code:required_empty' end,
            'status:' || case
                when status is null then 'required_empty'
                when status not in ('recorded', 'cancelled') then 'not_in_list'
            end,
            'cancelled_at:' || coalesce(
                fault_of_time(cancelled_at, cancelled_local, cancelled),
                case when cancelled < recorded then 'out_of_order' end,
                case when cancelled_at is null and status = 'cancelled' then 'required_when' end
            ),
            case when cancel_code not in ('C1', 'C2', 'C3', 'C4', 'C5') then 'cancel_code:not_in_list' end,
            case
                when report_channel not in (
                    '999', '101', 'online', 'live_chat', 'front_counter', 'officer', 'other'
                ) then 'report_channel:not_in_list'
            end
        )
    end as fault
from resolved
join file using (file_index);

{repeated_keys}

-- The states of a crime that has one are its current ones; only of the others the latest is looked for.
create table marts.fct_crime_status as
with states as (
    select
        crimes.*,
        crimes.row_no - file_rows.first_row + 2 as source_row
    from raw.crimes as crimes
    join file_rows on crimes.load_id = file_rows.load_id
    where fault is null and crimes.row_no not in (select row_no from not_current)
),

several as materialized (
    select
        force_code,
        crime_ref,
        max(updated_at) as updated_at
    from states
    group by force_code, crime_ref
    having count(*) > 1
)

select
    states.force_code,
    states.crime_ref,
    states.updated_at,
    updated_date,
    recorded_at,
    recorded_date,
    offence_code,
    status,
    cancelled_at,
    cancelled_date,
    cancel_code,
    report_channel,
    district,
    coalesce(states.updated_at = several.updated_at, true) as is_current,
    is_dst_ambiguous,
    extract_date,
    load_id,
    source_row
from states
left join several on states.force_code = several.force_code and states.crime_ref = several.crime_ref;

create table marts.fct_crime as
select
    force_code,
    crime_ref,
    recorded_at,
    recorded_date,
    offence_code,
    status,
    status = 'cancelled' as is_cancelled,
    case when status = 'cancelled' then cancelled_at end as cancelled_at,
    case when status = 'cancelled' then cancelled_date end as cancelled_date,
    case when status = 'cancelled' then cancel_code end as cancel_code,
    case when status = 'cancelled' then cast(cancelled_date - recorded_date as bigint) end as days_to_cancel,
    report_channel,
    district,
    updated_at,
    is_dst_ambiguous,
    extract_date,
    load_id,
    source_row
from marts.fct_crime_status
where is_current;
