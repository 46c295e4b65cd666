{{ config(materialized="incremental", pre_hook="{{ delete_changed_rows('chg_call_segments_rows') }}") }}

{#- Not a CTE: it is read three times, and DuckDB would materialise such a CTE with all columns of all segments. -#}
{%- set segments = "(" ~ only_changed_rows(ref("fct_call_segment"), "chg_call_segments_rows") ~ "\n    ) as segments" -%}

with

-- Numbers of segments do not repeat within a call, so each call of several has one that is not numbered 1. Six of seven
-- calls have only that one segment: grouping all calls by their keys took twice the time.
calls_of_several as (
    select distinct
        force_code,
        call_id,
        call_epoch
    from {{ segments }}
    where segment_no <> 1
),

numbered as (
    select
        segments.*,
        min(case when segments.disposition = 'answered' then segments.segment_no end) over (
            partition by segments.force_code, segments.call_id, segments.call_epoch
        ) as first_answered_segment_no
    from {{ segments }}
    inner join calls_of_several
        on {{ same_columns("segments", "calls_of_several", ["force_code", "call_id", "call_epoch"]) }}
),

-- Queue time after the first answered segment is for another operator: the call had already been answered.
added_up as (
    select
        force_code,
        call_id,
        call_epoch,
        min(segment_no) as first_segment_no,
        count(first_answered_segment_no) > 0 as is_answered,
        sum(case when segment_no <= coalesce(first_answered_segment_no, segment_no) then queue_seconds end)
            as queue_seconds,
        sum(talk_seconds) as talk_seconds,
        count(*) as segments,
        min(called_back_at) as called_back_at
    from numbered
    group by all
),

calls as (
    select
        segments.*,
        coalesce(added_up.is_answered, segments.disposition = 'answered') as is_answered,
        coalesce(added_up.queue_seconds, segments.queue_seconds) as call_queue_seconds,
        coalesce(added_up.talk_seconds, segments.talk_seconds) as call_talk_seconds,
        coalesce(added_up.segments, 1) as segments,
        coalesce(added_up.called_back_at, segments.called_back_at) as call_called_back_at
    from {{ segments }}
    left join added_up
        on {{ same_columns("segments", "added_up", ["force_code", "call_id", "call_epoch"]) }}
    where segments.segment_no = coalesce(added_up.first_segment_no, segments.segment_no)
)

select
    cast(force_code as {{ dbt.type_string() }}) as force_code,
    cast(call_id as {{ dbt.type_string() }}) as call_id,
    cast(call_epoch as bigint) as call_epoch,
    cast(line as {{ dbt.type_string() }}) as line,
    cast(arrived_at as timestamp) as arrived_at,
    cast(arrived_date as date) as arrived_date,
    cast(extract(hour from {{ local_timestamp("arrived_at") }}) as bigint) as arrived_hour,
    cast(is_answered as boolean) as is_answered,
    cast(call_queue_seconds as decimal(18, 6)) as queue_seconds,
    cast(call_talk_seconds as decimal(18, 6)) as talk_seconds,
    cast(segments as bigint) as segments,
    cast(case when not is_answered then call_called_back_at end as timestamp) as called_back_at,
    cast(case when not is_answered then {{ local_date("call_called_back_at") }} end as date) as called_back_date,
    cast(caller_number as bigint) as caller_number,
    cast(is_dst_ambiguous as boolean) as is_dst_ambiguous,
    cast(extract_date as date) as extract_date,
    cast(load_id as bigint) as load_id,
    cast(source_row as bigint) as source_row
from calls
