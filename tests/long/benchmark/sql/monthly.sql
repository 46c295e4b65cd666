-- The monthly marts by hand: what they count and the means of it; medians and comparisons are among the other marts.

-- A correction may move an event before the first delivery: a month without a delivered day has no figures.
create temp view month_delivered as
select distinct
    source,
    month_of(extract_date) as month_start
from audit.load;

create table monthly.kpi_calls_monthly as
with judged as (
    select
        calls.force_code,
        calls.line,
        month_of(arrived_date) as month_start,
        queue_seconds,
        talk_seconds,
        is_answered or (called_back_counts_as_answered and called_back_at is not null) as is_answered,
        queue_seconds < answer_target_seconds as is_within_target,
        called_back_at,
        called_back_date = arrived_date as is_called_back_same_day
    from marts.fct_call as calls
    join reference.call_parameters as parameters
        on calls.line = parameters.line
        and parameters.force_code = '*'
        and arrived_date between valid_from and coalesce(valid_to, arrived_date)
    where is_answered or queue_seconds >= short_abandon_seconds
),

summed as (
    select
        force_code,
        line,
        month_start,
        count(*) as received,
        count(*) filter (is_answered) as answered,
        count(*) filter (not is_answered) as not_answered,
        sum(queue_seconds) as queue_seconds_all,
        sum(queue_seconds) filter (is_answered) as queue_seconds,
        sum(talk_seconds) filter (is_answered) as talk_seconds,
        count(*) filter (is_answered and is_within_target) as within_target,
        max(queue_seconds) filter (is_answered) as max_queue_seconds,
        count(*) filter (not is_answered and called_back_at is not null) as called_back,
        count(*) filter (not is_answered and is_called_back_same_day) as called_back_same_day
    from judged
    group by force_code, line, month_start
)

select
    force_code,
    line,
    month_start,
    received,
    answered,
    not_answered,
    ratio(not_answered, received, 100) as pct_not_answered,
    ratio(queue_seconds, answered, 1) as avg_queue_seconds,
    ratio(queue_seconds_all, received, 1) as avg_queue_seconds_all,
    ratio(talk_seconds, answered, 1) as avg_talk_seconds,
    ratio(within_target, answered, 100) as pct_answered_within_target,
    ratio(within_target, received, 100) as pct_received_within_target,
    cast(max_queue_seconds as decimal(38, 6)) as max_queue_seconds,
    called_back,
    ratio(called_back_same_day, not_answered, 100) as pct_called_back_same_day,
    ratio(talk_seconds, 3600, 1) as talk_hours
from summed
where month_start in (select month_start from month_delivered where source = 'call_segments');

create table monthly.kpi_ocr_monthly as
select
    force_code,
    month_of(submitted_date) as month_start,
    count(*) filter (service = 'report_a_crime') as report_a_crime_submissions,
    count(*) filter (service = 'missing_person') as missing_person,
    count(*) filter (service = 'sexual_offence') as sexual_offence,
    count(*) filter (service = 'rural_crime') as rural_crime
from marts.fct_online_crime_report
where month_of(submitted_date) in (select month_start from month_delivered where source = 'online_crime_reports')
group by force_code, month_of(submitted_date);

create table monthly.kpi_live_chat_monthly as
select
    force_code,
    month_of(requested_date) as month_start,
    count(*) as live_chats,
    count(*) filter (is_accepted) as accepted,
    ratio(count(*) filter (not is_accepted), count(*), 100) as pct_not_accepted,
    ratio(sum(wait_seconds) filter (is_accepted), count(*) filter (is_accepted), 1) as avg_wait_seconds,
    ratio(sum(duration_seconds) filter (is_accepted), count(*) filter (is_accepted), 1) as avg_duration_seconds
from marts.fct_live_chat
where month_of(requested_date) in (select month_start from month_delivered where source = 'live_chats')
group by force_code, month_of(requested_date);

create table monthly.kpi_digital_monthly as
with contacts as (
    select
        force_code,
        month_of(received_date) as month_start,
        count(*) as digital_contacts
    from marts.fct_digital_contact
    where
        is_public_demand
        and month_of(received_date) in (select month_start from month_delivered where source = 'digital_contacts')
    group by force_code, month_of(received_date)
),

lines as (
    select
        force_code,
        month_start,
        sum(received) filter (line = '101') as received_101,
        sum(received) as received
    from monthly.kpi_calls_monthly
    group by force_code, month_start
)

select
    force_code,
    month_start,
    digital_contacts,
    report_a_crime_submissions,
    live_chats,
    digital_contacts - report_a_crime_submissions - live_chats as other_than_ocr_and_chat,
    ratio(digital_contacts, digital_contacts + received_101, 100) as share_of_non_emergency,
    cast(digital_contacts + received_101 as bigint) as non_emergency_demand,
    cast(digital_contacts + received as bigint) as total_demand
from contacts
join lines using (force_code, month_start)
join monthly.kpi_ocr_monthly using (force_code, month_start)
join monthly.kpi_live_chat_monthly using (force_code, month_start);

create table monthly.kpi_crime_monthly as
with recorded as (
    select
        force_code,
        month_of(recorded_date) as month_start,
        count(*) as recorded_crime,
        count(*) filter (is_cancelled) as cancelled_since,
        sum(days_to_cancel) as days_to_cancel
    from marts.fct_crime
    group by force_code, month_of(recorded_date)
),

cancelled as (
    select
        force_code,
        month_of(cancelled_date) as month_start,
        count(*) as cancelled_crime
    from marts.fct_crime
    where is_cancelled
    group by force_code, month_of(cancelled_date)
)

select
    force_code,
    month_start,
    recorded_crime,
    coalesce(cancelled_crime, 0) as cancelled_crime,
    ratio(coalesce(cancelled_crime, 0), recorded_crime, 100) as pct_cancelled_of_recorded,
    ratio(coalesce(cancelled_crime, 0), recorded_crime + coalesce(cancelled_crime, 0), 100)
        as pct_cancelled_of_initially_recorded,
    ratio(cancelled_since, recorded_crime, 100) as pct_cohort_cancelled,
    ratio(days_to_cancel, cancelled_since, 1) as days_to_cancel
from recorded
left join cancelled using (force_code, month_start)
where month_start in (select month_start from month_delivered where source = 'crimes');

create table monthly.kpi_cancellations_monthly as
select
    force_code,
    month_of(cancelled_date) as month_start,
    cancel_code,
    offence_code,
    count(*) as cancelled
from marts.fct_crime
where
    is_cancelled
    and month_of(cancelled_date) in (select month_start from month_delivered where source = 'crimes')
group by force_code, month_of(cancelled_date), cancel_code, offence_code;
