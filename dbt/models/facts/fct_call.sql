{{ config(pre_hook="{{ forget_touched('stg_call_segments_touched') }}") }}

with

segments as (
    {{- touched_rows(ref("fct_call_segment"), "stg_call_segments_touched") }}
),

calls as (
    select
        force_code,
        call_id,
        min(segment_no) as first_segment_no,
        min(case when disposition = 'answered' then segment_no end) as first_answered_segment_no,
        count(*) as segments,
        sum(talk_seconds) as talk_seconds,
        min(called_back_at) as called_back_at,
        min(called_back_date) as called_back_date
    from (
        select
            *,
            {{ local_date("called_back_at") }} as called_back_date
        from segments
    ) as dated_segments
    group by
        force_code,
        call_id
),

-- What follows the first answered segment is queuing for somebody else: the call had been answered.
queues as (
    select
        segments.force_code,
        segments.call_id,
        sum(segments.queue_seconds) as queue_seconds
    from segments
    inner join calls
        on segments.force_code = calls.force_code
        and segments.call_id = calls.call_id
    where
        calls.first_answered_segment_no is null
        or segments.segment_no <= calls.first_answered_segment_no
    group by
        segments.force_code,
        segments.call_id
),

final as (
    select
        cast(calls.force_code as {{ dbt.type_string() }}) as force_code,
        cast(calls.call_id as {{ dbt.type_string() }}) as call_id,
        cast(first_segments.line as {{ dbt.type_string() }}) as line,
        cast(first_segments.arrived_at as timestamp) as arrived_at,
        cast(first_segments.arrived_date as date) as arrived_date,
        cast(calls.first_answered_segment_no is not null as boolean) as is_answered,
        cast(queues.queue_seconds as decimal(18, 6)) as queue_seconds,
        cast(calls.talk_seconds as decimal(18, 6)) as talk_seconds,
        cast(calls.segments as bigint) as segments,
        cast(case when calls.first_answered_segment_no is null then calls.called_back_at end as timestamp)
            as called_back_at,
        cast(case when calls.first_answered_segment_no is null then calls.called_back_date end as date)
            as called_back_date,
        cast(first_segments.caller_number as {{ dbt.type_string() }}) as caller_number,
        cast(first_segments.is_dst_ambiguous as boolean) as is_dst_ambiguous,
        cast(first_segments.extract_date as date) as extract_date,
        cast(first_segments.load_id as bigint) as load_id,
        cast(first_segments.source_row as bigint) as source_row
    from calls
    inner join queues
        on calls.force_code = queues.force_code
        and calls.call_id = queues.call_id
    inner join segments as first_segments
        on calls.force_code = first_segments.force_code
        and calls.call_id = first_segments.call_id
        and calls.first_segment_no = first_segments.segment_no
)

select * from final
