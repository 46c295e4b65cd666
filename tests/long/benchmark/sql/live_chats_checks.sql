-- Expectations of the contract that look at rows.
select
    count(*) filter (
        force_code is null or chat_id is null or requested_at is null or ended_at is null
    ) as required_columns_are_filled,
    count(*) - count(distinct hash(extract_date, force_code, chat_id)) as key_occurs_once,
    count(*) filter (accepted_at < requested_at) as accepted_at_is_not_before_requested_at,
    count(*) filter (ended_at < accepted_at) as ended_at_is_not_before_accepted_at,
    count(*) filter (ended_at < requested_at) as ended_at_is_not_before_requested_at,
    count(*) filter (
        topic not in ('general', 'crime', 'asb', 'domestic_abuse', 'missing_person', 'other')
    ) as topic_is_in_its_list
from raw.live_chats;

select
    count(*) - count(distinct hash(force_code, chat_id)) as unique_grain,
    count(*) filter (
        force_code is null or chat_id is null or requested_at is null or requested_date is null or ended_at is null
        or is_accepted is null or created_incident is null or extract_date is null or load_id is null
        or source_row is null
    ) as not_null_columns,
    count(*) filter (force_code not in (select force_code from reference.police_forces)) as force_relationships
from marts.fct_live_chat
