-- title: Demand and staffing
-- lead: When calls come in, how many are lost, and how many operators they need. Hours are local time.
-- search: Demand and staffing | resourcing heat map busiest calls 999 101 hour weekday weekly staffing backlog queue
-- choice line: Line | {} calls

create or replace temp view heat as
with hours as (
    select
        force_code, month_start, staffing.is_provisional, staffing.share_of_days_loaded, line, day_of_week, hour_of_day,
        calls.not_answered, calls.received,
        if(
            service_level_target_pct is null or answer_target_seconds is null, null,
            {'level': service_level_target_pct, 'seconds': answer_target_seconds}
        ) as target,
        unnest(
            [
                {
                    'shown': 'calls', 'figure': calls_per_hour, 'format': 'count 1',
                    'most': 'Busiest: {weekday:%A} from {name}, {greatest:count 1} calls.'
                },
                {
                    'shown': 'unanswered', 'figure': pct_not_answered, 'format': 'percent 0',
                    'most': 'Most: {weekday:%A} from {name}, {greatest:percent 0}, {part} of {whole} calls.'
                },
                {
                    'shown': 'operators', 'figure': operators_required, 'format': 'count 0',
                    'most': 'Most: {weekday:%A} from {name}, {greatest}.'
                }
            ], recursive := true
        )
    from marts.kpi_staffing_hourly as staffing
    left join marts.kpi_calls_hourly as calls using (force_code, line, month_start, day_of_week, hour_of_day)
),
rows as (
    select
        force_code, month_start, is_provisional, share_of_days_loaded, line, shown, most,
        printf('%02d:00', hour_of_day) as name,
        max(figure) as greatest,
        list(figure order by day_of_week) as figures,
        list(not_answered order by day_of_week) as not_answered,
        list(received order by day_of_week) as received,
        any_value(target.level) as level, any_value(target.seconds) as seconds,
        list({
            -- 1 January 2024 was a Monday.
            'heading': strftime(date '2023-12-31' + cast(day_of_week as integer), '%a'), 'position': day_of_week,
            'figure': figure, 'format': format
        }) as cells
    from hours
    group by all
)
select
    * exclude (figures, not_answered, received),
    list_position(figures, greatest) as day_of_most,
    date '2023-12-31' + cast(day_of_most as integer) as weekday,
    not_answered[day_of_most] as part,
    received[day_of_most] as whole,
    '{force}, {line} calls, {named_month}'
    || if(shown = 'operators' and level is not null, ', to answer {level:count own}% in {seconds:count own} s', '')
        as caption,
    case row_number() over (partition by force_code, month_start, line, shown order by greatest desc nulls last, name)
        when 1 then if(greatest > 0, most, 'There were none.')
    end as finding
from rows;

-- view: calls
-- title: Calls offered per hour
-- note: The mean of all such hours in the month. Darker cells have higher figures.
-- beside: yes
-- by: force month line
-- corner: Hour
-- shades: cells
from heat where shown = 'calls' and month_start >= $first_month order by force_code, month_start, line, name

-- view: unanswered
-- title: Share not answered
-- note: Of all such hours in the month; the share of an hour with few calls can be high by chance.
-- beside: yes
-- by: force month line
-- corner: Hour
-- shades: cells
-- marts: kpi_calls_hourly
-- search: Share not answered, by hour and weekday | 999 101 calls lost abandoned attrition heat map worst Monday Tuesday
--   Wednesday Thursday Friday Saturday Sunday
from heat where shown = 'unanswered' and month_start >= $first_month order by force_code, month_start, line, name

-- view: operators
-- title: Operators needed
-- note: The smallest number with which the stated share of calls is answered in time (Erlang C), if they take calls on
--   this line only and every caller waits; allow for breaks, leave and other duties on top.
-- beside: yes
-- by: force month line
-- corner: Hour
-- shades: cells
-- marts: kpi_staffing_hourly
-- search: Operators needed, by hour and weekday | staffing resourcing erlang rota shift Monday Tuesday Wednesday
--   Thursday Friday Saturday Sunday
from heat where shown = 'operators' and month_start >= $first_month order by force_code, month_start, line, name

-- view: target-days
-- title: Days that missed a target
-- note: Of the complete days with calls, those on which the figure of the day did not meet the target or benchmark of
--   the month. A figure that only equals its target has not met it.
-- by: force
-- marts: kpi_target_days_monthly
-- search: Days that missed a target | benchmark worst day how many days below standard
with kinds as (
    select applies_to as measure, min(definition) as kind
    from marts.definitions
    where definition in ('target', 'benchmark')
    group by applies_to
),
measures_of_days as (
    select
        days.*, days.month_start as month, measures.short_label,
        measures.section_title || ': ' || measures.label as heading,
        dense_rank() over (order by measures.section_order, measures.board_paper_order nulls last, measures.measure)
            as position,
        null as figure,
        '{days_missed} of {days}' as format,
        coalesce(kinds.kind, 'target') as kind,
        if(days.month_start = max(days.month_start) filter (not days.is_provisional) over (partition by days.force_code),
            '{month}: {short_label} missed the {target:' || measures.unit || ' own} {kind} on '
            || case
                when days.days_missed = days.days and days.days > 1 then 'all {days} days'
                else if(days.days_missed = 0, 'none', '{days_missed}') || ' of {days} ' || if(days.days = 1, 'day', 'days')
            end
            -- All days are equal.
            || if(days.days_missed = 0 and coalesce(days.worst_value, 0) = 0, '.',
                '; the ' || if(measures.better = 'lower', 'highest', 'lowest')
                || ' day was {worst_day:%-d %B} ({worst_value:' || measures.unit || ' ' || measures.decimals || '}).'
            ),
            null
        ) as finding
    from marts.kpi_target_days_monthly as days
    inner join marts.measures as measures on days.measure = measures.measure
    left join kinds on days.measure = kinds.measure
    where days.month_start >= $first_month
)
select
    force_code, month_start, any_value(is_provisional) as is_provisional,
    any_value(share_of_days_loaded) as share_of_days_loaded,
    list(measures_of_days order by position) as cells
from measures_of_days
group by force_code, month_start
order by force_code, month_start desc

-- view: returning
-- title: Callers to 101 who were not answered and came back
-- note: Within 24 hours, by another call to 101, by 999 or by a digital contact that refers to the caller's number; a
--   caller may come back in several ways.
-- by: force
-- marts: kpi_displacement_monthly
-- search: Callers who came back | displacement repeat failure demand 101 999 digital
select
    force_code, month_start, is_provisional, share_of_days_loaded, came_back, with_caller, came_back_999,
    not_answered as "Not answered",
    with_caller as "With a known number",
    came_back as "Came back",
    pct_came_back as "% came back|percent 1",
    came_back_101 as "By 101",
    came_back_999 as "By 999",
    came_back_digital as "Digitally",
    answered_on_return as "Answered then",
    if(
        month_start = max(month_start) filter (came_back is not null and not is_provisional)
            over (partition by force_code),
        '{month}: {came_back} of {with_caller} came back, {came_back_999} of them by 999.', null
    ) as finding
from marts.kpi_displacement_monthly
where month_start >= $first_month
order by force_code, month_start desc

-- view: concurrency
-- title: Concurrent live chats
-- note: Share of the operators' time spent with this many concurrent chats.
-- beside: yes
-- by: force
-- shades: cells
-- marts: kpi_chat_concurrency_monthly
-- search: Concurrent live chats | held at once chat operators
with months as (
    select
        force_code, month_start, is_provisional, share_of_days_loaded,
        max(concurrent_chats) as most,
        max(max(concurrent_chats)) over (partition by force_code) as most_of_force,
        coalesce(arg_min(pct_of_operator_time_or_more, concurrent_chats) filter (concurrent_chats > 1), 0) as several,
        max(month_start) filter (not is_provisional) over (partition by force_code) as newest
    from marts.kpi_chat_concurrency_monthly
    where month_start >= $first_month
    group by force_code, month_start, is_provisional, share_of_days_loaded
)
select
    months.*,
    list({
        'heading': number || ' at once', 'position': number, 'figure': chats.pct_of_operator_time, 'format': 'percent 1'
    }) as cells,
    if(
        months.month_start = newest,
        '{month}: at most {most} at once; several at once for {several:percent 1} of the time.', null
    ) as finding
from months
cross join unnest(range(1, months.most_of_force + 1)) as numbers (number)
left join marts.kpi_chat_concurrency_monthly as chats
    on months.force_code = chats.force_code
    and months.month_start = chats.month_start
    and number = chats.concurrent_chats
group by all
order by months.force_code, months.month_start desc

-- view: ledger
-- title: Digital contacts other than online crime reports and live chats
-- note: Contacts in the log, less those that are also recorded in their own system. If that system has more, the
--   difference is negative.
-- by: force month
-- corner: Contact
-- marts: kpi_digital_ledger_monthly
-- search: Ledger of digital contacts | other than online crime reports and live chats
select
    ledger.force_code, ledger.month_start, ledger.is_provisional, ledger.share_of_days_loaded,
    coalesce(measures.short_label, replace(ledger.contact_type, '_', ' ')) as name,
    contacts_in_log as "In the log",
    in_own_system as "In its own system",
    other_contacts as "Other contacts",
    pct_of_other as "% of other contacts|percent 1",
    pct_of_other as share,
    if(
        share is not null and row_number() over (
            partition by ledger.force_code, ledger.month_start order by other_contacts desc nulls last, contact_type
        ) = 1,
        'Most: {name}, {share:percent 1}.', null
    ) as finding
from marts.kpi_digital_ledger_monthly as ledger
left join marts.measures as measures on measures.measure = 'digital.' || ledger.contact_type
where ledger.month_start >= $first_month
order by ledger.force_code, ledger.month_start, other_contacts desc nulls last, contact_type
