-- Expectations of the contract that look at rows.
select
    count(*) filter (
        force_code is null or call_id is null or segment_no is null or line is null or arrived_at is null
        or queue_seconds is null or disposition is null
    ) as required_columns_are_filled,
    count(*) - count(distinct hash(extract_date, force_code, call_id, segment_no)) as key_occurs_once,
    count(*) filter (segment_no < 1) as segment_no_is_at_least_1,
    count(*) filter (line not in ('999', '101', 'switchboard', 'other')) as line_is_in_its_list,
    count(*) filter (utc_offset_minutes not in (0, 60)) as utc_offset_minutes_is_in_its_list,
    count(*) filter (queue_seconds < 0) as queue_seconds_is_at_least_0,
    count(*) filter (disposition not in ('answered', 'abandoned', 'transferred', 'overflow', 'disconnected'))
        as disposition_is_in_its_list,
    count(*) filter (talk_seconds < 0) as talk_seconds_is_at_least_0,
    count(*) filter (called_back_at < arrived_at) as called_back_at_is_not_before_arrived_at,
    count(*) filter (queue_seconds > 86400) as queue_time_is_below_a_day
from raw.call_segments;

select
    count(*) - count(distinct hash(force_code, call_id, segment_no)) as unique_grain,
    count(*) filter (
        force_code is null or call_id is null or segment_no is null or line is null or arrived_at is null
        or arrived_date is null or queue_seconds is null or disposition is null or talk_seconds is null
        or extract_date is null or load_id is null or source_row is null
    ) as not_null_columns,
    count(*) filter (line not in ('999', '101', 'switchboard', 'other')) as line_accepted_values,
    count(*) filter (disposition not in ('answered', 'abandoned', 'transferred', 'overflow', 'disconnected'))
        as disposition_accepted_values,
    count(*) filter (force_code not in (select force_code from reference.police_forces)) as force_relationships,
    count(*) filter (
        not exists (
            from marts.fct_call as calls
            where calls.force_code = segments.force_code and calls.call_id = segments.call_id
        )
    ) as has_parent
from marts.fct_call_segment as segments;

select
    count(*) - count(distinct hash(force_code, call_id)) as unique_grain,
    count(*) filter (
        force_code is null or call_id is null or line is null or arrived_at is null or arrived_date is null
        or is_answered is null or queue_seconds is null or talk_seconds is null or segments is null
        or extract_date is null or load_id is null or source_row is null
    ) as not_null_columns,
    count(*) filter (line not in ('999', '101', 'switchboard', 'other')) as line_accepted_values,
    count(*) filter (force_code not in (select force_code from reference.police_forces)) as force_relationships
from marts.fct_call
