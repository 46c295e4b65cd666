-- A call has several segments when one of them has a number above 1; the others are calls as they stand.
with several as materialized (
    select distinct force_code, call_id
    from {{ ref('fct_call_segment') }}
    where segment_no > 1
),

segments_of_several as materialized (
    select
        segments.*,
        min(case when disposition = 'answered' then segment_no end) over of_call as first_answered,
        min(segment_no) over of_call as first_segment,
        cast(timezone('Europe/London', timezone('UTC', called_back_at)) as date) as called_back_date
    from {{ ref('fct_call_segment') }} as segments
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
from {{ ref('fct_call_segment') }} as segments
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
group by force_code, call_id
