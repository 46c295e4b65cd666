create table raw.live_chats as
with typed as (
    select
        *,
        local_time(requested_at) as requested_local,
        local_time(accepted_at) as accepted_local,
        local_time(ended_at) as ended_local,
        case lower(coalesce(created_incident, 'n'))
            when 'y' then true when 'yes' then true when 'true' then true when '1' then true
            when 'n' then false when 'no' then false when 'false' then false when '0' then false
        end as has_incident
    from {extract}
),

clocked as (
    select
        *,
        ahead(requested_local) as requested_ahead,
        ahead(accepted_local) as accepted_ahead,
        ahead(ended_local) as ended_ahead
    from typed
),

begun as (
    select *, instant(requested_local, requested_ahead, false) as requested
    from clocked
),

resolved as (
    select
        *,
        instant(accepted_local, accepted_ahead, is_after_start(accepted_local, requested)) as accepted,
        instant(ended_local, ended_ahead, is_after_start(ended_local, requested)) as ended,
        coalesce(requested_ahead = -1, false)
        or coalesce(accepted_ahead = -1 and not is_after_start(accepted_local, requested), false)
        or coalesce(ended_ahead = -1 and not is_after_start(ended_local, requested), false) as is_dst_ambiguous
    from begun
)

select
    {force} as force_code,
    chat_id,
    requested as requested_at,
    cast(requested_local as date) as requested_date,
    accepted as accepted_at,
    ended as ended_at,
    pseudonym(operator_id) as operator_id,
    topic,
    has_incident as created_incident,
    is_dst_ambiguous,
    extract_date,
    load_id,
    row_no,
    case
        when
            chat_id is not null and requested is not null and ended >= requested and has_incident is not null
            and (accepted_at is null or accepted >= requested and ended >= accepted)
            and (
                topic is null
                or topic in ('general', 'crime', 'asb', 'domestic_abuse', 'missing_person', 'other')
            )
            then null
        else coalesce(
            case when chat_id is null then 'chat_id:required_empty' end,
            'requested_at:' || case
                when requested_at is null then 'required_empty'
                else fault_of_time(requested_at, requested_local, requested)
            end,
            'accepted_at:' || coalesce(
                fault_of_time(accepted_at, accepted_local, accepted),
                case when accepted < requested then 'out_of_order' end
            ),
            'ended_at:' || coalesce(
                case
                    when ended_at is null then 'required_empty' else fault_of_time(ended_at, ended_local, ended)
                end,
                case when ended < accepted or ended < requested then 'out_of_order' end
            ),
            case
                when topic not in ('general', 'crime', 'asb', 'domestic_abuse', 'missing_person', 'other')
                    then 'topic:not_in_list'
            end,
            case when has_incident is null then 'created_incident:not_a_boolean' end
        )
    end as fault
from resolved
join file using (file_index);

{repeated_keys}

create table marts.fct_live_chat as
select
    force_code,
    chat_id,
    requested_at,
    requested_date,
    accepted_at,
    ended_at,
    accepted_at is not null as is_accepted,
    seconds_between(requested_at, accepted_at) as wait_seconds,
    seconds_between(accepted_at, ended_at) as duration_seconds,
    operator_id,
    topic,
    created_incident,
    is_dst_ambiguous,
    extract_date,
    chats.load_id,
    chats.row_no - file_rows.first_row + 2 as source_row
from raw.live_chats as chats
join file_rows on chats.load_id = file_rows.load_id
where fault is null and chats.row_no not in (select row_no from not_current);
