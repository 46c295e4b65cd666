create table raw.call_segments as
with typed as (
    select
        *,
        try_cast(segment_no as bigint) as segment,
        local_time(arrived_at) as arrived_local,
        local_time(called_back_at) as called_back_local,
        try_cast(utc_offset_minutes as bigint) as offset_given,
        try_cast(queue_seconds as decimal(18, 6)) as queued,
        try_cast(coalesce(talk_seconds, '0') as decimal(18, 6)) as talked
    from {extract}
),

clocked as (
    select
        *,
        ahead(arrived_local) as arrived_ahead,
        ahead(called_back_local) as called_back_ahead
    from typed
),

begun as (
    select
        *,
        instant(arrived_local, arrived_ahead, coalesce(offset_given = 0, false)) as arrived
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
    {force} as force_code,
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
        when
            call_id is not null and segment >= 1 and line in ('999', '101', 'switchboard', 'other')
            and arrived is not null and queued >= 0 and talked >= 0
            and disposition in ('answered', 'abandoned', 'transferred', 'overflow', 'disconnected')
            and (utc_offset_minutes is null or offset_given in (0, 60))
            and (called_back_at is null or called_back >= arrived)
            then null
        else coalesce(
            case when call_id is null then 'call_id:required_empty' end,
            'segment_no:' || case
                when segment_no is null then 'required_empty'
                when segment is null then 'not_an_integer'
                when segment < 1 then 'below_minimum'
            end,
            'line:' || case
                when line is null then 'required_empty'
                when line not in ('999', '101', 'switchboard', 'other') then 'not_in_list'
            end,
            'arrived_at:' || case
                when arrived_at is null then 'required_empty' else fault_of_time(arrived_at, arrived_local, arrived)
            end,
            'utc_offset_minutes:' || case
                when utc_offset_minutes is not null and coalesce(offset_given not in (0, 60), true) then 'not_in_list'
            end,
            'queue_seconds:' || case
                when queue_seconds is null then 'required_empty'
                when queued is null then 'not_seconds'
                when queued < 0 then 'below_minimum'
            end,
            'disposition:' || case
                when disposition is null then 'required_empty'
                when disposition not in ('answered', 'abandoned', 'transferred', 'overflow', 'disconnected')
                    then 'not_in_list'
            end,
            'talk_seconds:' || case when talked is null then 'not_seconds' when talked < 0 then 'below_minimum' end,
            'called_back_at:' || coalesce(
                fault_of_time(called_back_at, called_back_local, called_back),
                case when called_back < arrived then 'out_of_order' end
            )
        )
    end as fault
from resolved
join file using (file_index);

{repeated_keys}

create table marts.fct_call_segment as
select
    force_code,
    call_id,
    segment_no,
    line,
    arrived_at,
    arrived_date,
    queue_seconds,
    disposition,
    talk_seconds,
    called_back_at,
    operator_id,
    caller_number,
    is_dst_ambiguous,
    extract_date,
    segments.load_id,
    segments.row_no - file_rows.first_row + 2 as source_row
from raw.call_segments as segments
join file_rows on segments.load_id = file_rows.load_id
where fault is null and segments.row_no not in (select row_no from not_current);

-- A call has several segments when one of them has a number above 1; the others are calls as they stand.
create table marts.fct_call as
with several as materialized (
    select distinct force_code, call_id
    from marts.fct_call_segment
    where segment_no > 1
),

segments_of_several as materialized (
    select
        segments.*,
        min(case when disposition = 'answered' then segment_no end) over of_call as first_answered,
        min(segment_no) over of_call as first_segment,
        cast(timezone('Europe/London', timezone('UTC', called_back_at)) as date) as called_back_date
    from marts.fct_call_segment as segments
    join several on segments.force_code = several.force_code and segments.call_id = several.call_id
    window of_call as (partition by segments.force_code, segments.call_id)
)

select
    force_code,
    call_id,
    line,
    arrived_at,
    arrived_date,
    disposition = 'answered' as is_answered,
    queue_seconds,
    talk_seconds,
    cast(1 as bigint) as segments,
    case when disposition <> 'answered' then called_back_at end as called_back_at,
    case
        when disposition <> 'answered'
            then cast(timezone('Europe/London', timezone('UTC', called_back_at)) as date)
    end as called_back_date,
    caller_number,
    is_dst_ambiguous,
    extract_date,
    load_id,
    source_row
from marts.fct_call_segment as segments
where not exists (
    from several where segments.force_code = several.force_code and segments.call_id = several.call_id
)
union all
select
    force_code,
    call_id,
    max(line) filter (segment_no = first_segment),
    max(arrived_at) filter (segment_no = first_segment),
    max(arrived_date) filter (segment_no = first_segment),
    any_value(first_answered) is not null as is_answered,
    cast(
        sum(queue_seconds) filter (first_answered is null or segment_no <= first_answered) as decimal(18, 6)
    ),
    cast(sum(talk_seconds) as decimal(18, 6)),
    count(*),
    case when any_value(first_answered) is null then min(called_back_at) end,
    case when any_value(first_answered) is null then min(called_back_date) end,
    max(caller_number) filter (segment_no = first_segment),
    bool_or(is_dst_ambiguous) filter (segment_no = first_segment),
    max(extract_date) filter (segment_no = first_segment),
    max(load_id) filter (segment_no = first_segment),
    max(source_row) filter (segment_no = first_segment)
from segments_of_several
group by force_code, call_id;
