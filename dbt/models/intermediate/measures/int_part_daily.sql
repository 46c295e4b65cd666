{#- Sums of the daily events that each part of a measure adds up, by the name that measure_parts uses. -#}
{%- set call_parts = [
    "received", "answered", "not_answered", "queue_seconds_answered", "talk_seconds_answered",
    "answered_within_target", "called_back", "called_back_same_day",
] -%}
{%- set chat_parts = [
    "requested", "accepted", "not_accepted", "wait_seconds", "duration_seconds",
    "accepted_with_operator", "duration_seconds_with_operator",
] -%}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

calls as (

    select * from {{ ref("int_call_outcome") }}

),

contacts as (

    select * from {{ ref("fct_digital_contact") }}

),

submissions as (

    select * from {{ ref("fct_online_crime_report") }}

),

chats as (

    select * from {{ ref("fct_live_chat") }}

),

operator_time as (

    select * from {{ ref("int_chat_operator_time") }}

),

crimes as (

    select * from {{ ref("int_crime_event") }}

),

call_days as (

    select
        force_code,
        section,
        arrived_date,
        {%- for part in call_parts %}
        sum({{ part }}) as {{ part }},
        {%- endfor %}
        sum(queue_seconds) as queue_seconds_all
    from calls
    group by
        force_code,
        section,
        arrived_date

),

chats_judged as (

    select
        force_code,
        requested_date,
        1 as requested,
        case when is_accepted then 1 else 0 end as accepted,
        case when is_accepted then 0 else 1 end as not_accepted,
        case when is_accepted then wait_seconds else 0 end as wait_seconds,
        case when is_accepted then duration_seconds else 0 end as duration_seconds,
        case when is_accepted and operator_id is not null then 1 else 0 end as accepted_with_operator,
        case
            when is_accepted and operator_id is not null then duration_seconds
            else 0
        end as duration_seconds_with_operator
    from chats

),

chat_days as (

    select
        force_code,
        requested_date,
        {%- for part in chat_parts %}
        sum({{ part }}) as {{ part }}{{ "," if not loop.last }}
        {%- endfor %}
    from chats_judged
    group by
        force_code,
        requested_date

),

contact_days as (

    select
        force_code,
        received_date,
        contact_type,
        count(*) as contacts
    from contacts
    where is_public_demand
    group by
        force_code,
        received_date,
        contact_type

),

crime_days as (

    select
        force_code,
        event,
        event_date,
        cancel_code,
        count(*) as crimes,
        sum(is_cancelled_since) as cancelled_since,
        sum(days_to_cancel) as days_to_cancel
    from crimes
    group by
        force_code,
        event,
        event_date,
        cancel_code

),

amounts as (

    {%- for part in call_parts + ["queue_seconds_all"] %}

    select
        force_code,
        arrived_date as day,
        concat(section, '.{{ part }}') as part,
        cast({{ part }} as decimal(38, 6)) as amount
    from call_days

    union all
    {%- endfor %}
    {%- for part in chat_parts %}

    select
        force_code,
        requested_date as day,
        'live_chat.{{ part }}' as part,
        cast({{ part }} as decimal(38, 6)) as amount
    from chat_days

    union all
    {%- endfor %}

    select
        force_code,
        first_requested_date as day,
        'live_chat.operator_seconds' as part,
        cast(operator_seconds as decimal(38, 6)) as amount
    from operator_time

    union all

    select
        force_code,
        received_date as day,
        'digital.contacts' as part,
        cast(contacts as decimal(38, 6)) as amount
    from contact_days

    union all

    select
        force_code,
        received_date as day,
        concat('digital.', contact_type) as part,
        cast(contacts as decimal(38, 6)) as amount
    from contact_days

    union all

    select
        force_code,
        submitted_date as day,
        concat('ocr.', service) as part,
        cast(count(*) as decimal(38, 6)) as amount
    from submissions
    group by
        force_code,
        submitted_date,
        service

    union all

    select
        force_code,
        event_date as day,
        concat('crime.', event) as part,
        cast(crimes as decimal(38, 6)) as amount
    from crime_days

    union all

    select
        force_code,
        event_date as day,
        concat('crime.cancelled.', cancel_code) as part,
        cast(crimes as decimal(38, 6)) as amount
    from crime_days
    where event = 'cancelled' and cancel_code is not null

    union all

    select
        force_code,
        event_date as day,
        'crime.cohort_cancelled' as part,
        cast(cancelled_since as decimal(38, 6)) as amount
    from crime_days
    where event = 'recorded'

    union all

    select
        force_code,
        event_date as day,
        'crime.cohort_days_to_cancel' as part,
        cast(days_to_cancel as decimal(38, 6)) as amount
    from crime_days
    where event = 'recorded'

),

final as (

    select
        force_code,
        day,
        part,
        cast(sum(amount) as decimal(38, 6)) as amount
    from amounts
    group by
        force_code,
        day,
        part
    having sum(amount) <> 0

)

select * from final
