with typed as (
    select
        *,
        local_time(requested_at) as requested_local,
        local_time(accepted_at) as accepted_local,
        local_time(ended_at) as ended_local,
        boolean_of(created_incident) as has_incident
    from {{ extract('live_chats', [
        'chat_id', 'requested_at', 'accepted_at', 'ended_at', 'operator_id', 'topic', 'created_incident'
    ]) }}
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
    {{ force() }} as force_code,
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
        when chat_id is null then 'chat_id:required_empty'
        when requested_at is null then 'requested_at:required_empty'
        {{ faults_of_time('requested_at', 'requested_local', 'requested') }}
        {{ faults_of_time('accepted_at', 'accepted_local', 'accepted') }}
        when accepted < requested then 'accepted_at:out_of_order'
        when ended_at is null then 'ended_at:required_empty'
        {{ faults_of_time('ended_at', 'ended_local', 'ended') }}
        when ended < accepted or ended < requested then 'ended_at:out_of_order'
        when topic not in ('general', 'crime', 'asb', 'domestic_abuse', 'missing_person', 'other')
            then 'topic:not_in_list'
        when has_incident is null then 'created_incident:not_a_boolean'
    end as fault
from resolved
join (select * from {{ ref('files') }} where source = 'live_chats') as files using (file_no)
