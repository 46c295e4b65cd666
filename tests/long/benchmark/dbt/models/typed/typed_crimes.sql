with typed as (
    select
        *,
        local_time(updated_at) as updated_local,
        local_time(recorded_at) as recorded_local,
        local_time(cancelled_at) as cancelled_local
    from {{ extract('crimes', [
        'crime_ref', 'updated_at', 'recorded_at', 'offence_code', 'status', 'cancelled_at', 'cancel_code',
        'report_channel', 'district'
    ]) }}
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
    {{ force() }} as force_code,
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
        when crime_ref is null then 'crime_ref:required_empty'
        when updated_at is null then 'updated_at:required_empty'
        {{ faults_of_time('updated_at', 'updated_local', 'updated') }}
        when recorded_at is null then 'recorded_at:required_empty'
        {{ faults_of_time('recorded_at', 'recorded_local', 'recorded') }}
        when offence_code is null then 'offence_code:required_empty'
        when status is null then 'status:required_empty'
        when status not in ('recorded', 'cancelled') then 'status:not_in_list'
        {{ faults_of_time('cancelled_at', 'cancelled_local', 'cancelled') }}
        when cancelled < recorded then 'cancelled_at:out_of_order'
        when cancelled_at is null and status = 'cancelled' then 'cancelled_at:required_when'
        when cancel_code not in ('C1', 'C2', 'C3', 'C4', 'C5') then 'cancel_code:not_in_list'
        when report_channel not in ('999', '101', 'online', 'live_chat', 'front_counter', 'officer', 'other')
            then 'report_channel:not_in_list'
    end as fault
from resolved
join (select * from {{ ref('files') }} where source = 'crimes') as files using (file_no)
