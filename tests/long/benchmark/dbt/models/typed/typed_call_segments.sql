with typed as (
    select
        *,
        try_cast(segment_no as bigint) as segment,
        local_time(arrived_at) as arrived_local,
        local_time(called_back_at) as called_back_local,
        try_cast(utc_offset_minutes as bigint) as offset_given,
        try_cast(queue_seconds as decimal(18, 6)) as queued,
        try_cast(coalesce(talk_seconds, '0') as decimal(18, 6)) as talked
    from {{ extract('call_segments', [
        'call_id', 'segment_no', 'line', 'arrived_at', 'utc_offset_minutes', 'queue_seconds', 'disposition',
        'talk_seconds', 'called_back_at', 'operator_id', 'caller_number'
    ]) }}
),

clocked as (
    select
        *,
        ahead(arrived_local) as arrived_ahead,
        ahead(called_back_local) as called_back_ahead
    from typed
),

begun as (
    select *, instant(arrived_local, arrived_ahead, coalesce(offset_given = 0, false)) as arrived
    from clocked
),

resolved as (
    select
        *,
        instant(called_back_local, called_back_ahead, is_after_start(called_back_local, arrived)) as called_back,
        coalesce(arrived_ahead = -1 and (offset_given is null or offset_given not in (0, 60)), false)
        or coalesce(called_back_ahead = -1 and not is_after_start(called_back_local, arrived), false)
            as is_dst_ambiguous
    from begun
)

select
    {{ force() }} as force_code,
    call_id,
    segment as segment_no,
    line,
    arrived as arrived_at,
    cast(arrived_local as date) as arrived_date,
    offset_given as utc_offset_minutes,
    queued as queue_seconds,
    disposition,
    talked as talk_seconds,
    called_back as called_back_at,
    cast(called_back_local as date) as called_back_date,
    pseudonym(operator_id) as operator_id,
    pseudonym(caller_number) as caller_number,
    is_dst_ambiguous,
    extract_date,
    load_id,
    row_no,
    case
        when call_id is null then 'call_id:required_empty'
        when segment_no is null then 'segment_no:required_empty'
        when segment is null then 'segment_no:not_an_integer'
        when segment < 1 then 'segment_no:below_minimum'
        when line is null then 'line:required_empty'
        when line not in ('999', '101', 'switchboard', 'other') then 'line:not_in_list'
        when arrived_at is null then 'arrived_at:required_empty'
        {{ faults_of_time('arrived_at', 'arrived_local', 'arrived') }}
        when utc_offset_minutes is not null and coalesce(offset_given not in (0, 60), true)
            then 'utc_offset_minutes:not_in_list'
        when queue_seconds is null then 'queue_seconds:required_empty'
        when queued is null then 'queue_seconds:not_seconds'
        when queued < 0 then 'queue_seconds:below_minimum'
        when disposition is null then 'disposition:required_empty'
        when disposition not in ('answered', 'abandoned', 'transferred', 'overflow', 'disconnected')
            then 'disposition:not_in_list'
        when talked is null then 'talk_seconds:not_seconds'
        when talked < 0 then 'talk_seconds:below_minimum'
        {{ faults_of_time('called_back_at', 'called_back_local', 'called_back') }}
        when called_back < arrived then 'called_back_at:out_of_order'
    end as fault
from resolved
join (select * from {{ ref('files') }} where source = 'call_segments') as files using (file_no)
