-- title: 999 in the UK
-- lead: How all police forces of the United Kingdom answer 999 calls, as published nationally each month.
-- search: 999 in the UK: how we compare | national compare forces rank 999 answer time BT most similar group league table
-- optional: yes

-- view: forces
-- title: Forces
-- note: Ranked by the share under 10 seconds; equal shares have the same rank. The United Kingdom and the most similar
--   group are computed from the calls of the forces: the mean is weighted by calls, and a share is computed from the
--   calls that it represents.
-- by: month
-- corner: Force
-- shades: % under 10 seconds
-- marts: national_call_answering
with answering as (
    select
        answering.*, answering.force_code = $force_code as is_own,
        coalesce(forces.force_name, answering.force_code) as force_name,
        round(pct_under_10s, 1) - round(uk_pct_under_10s, 1) as more_in_time,
        round(mean_answer_seconds, 1) - round(uk_mean_answer_seconds, 1) as more_seconds
    from marts.national_call_answering as answering
    left join marts.dim_force as forces on answering.force_code = forces.force_code
    where month_start > (select max(month_start) from marts.national_call_answering) - interval 24 month
),

own as (
    from answering where is_own
),

rows as (
    select
        1 as part, month_start, force_rank, force_name, is_own, calls, mean_answer_seconds, pct_under_10s,
        pct_10_to_60s, pct_over_60s, uk_mean_answer_seconds, uk_pct_under_10s, forces_ranked, mean_rank,
        force_name || coalesce(' (' || replace(rank_reason, '_', ' ') || ')', '') as name,
        case
            when not is_own then null
            when force_rank is null then '{force_name} has no rank: ' || replace(rank_reason, '_', ' ') || '.'
            else '{force_name} answered {pct_under_10s:percent 1} of 999 calls in under 10 seconds, '
                || if(more_in_time > 0, 'above', if(more_in_time < 0, 'below', 'as in'))
                || ' the United Kingdom ({uk_pct_under_10s:percent 1}): rank {force_rank} of {forces_ranked} forces. '
                || 'The mean answer time was {mean_answer_seconds:count 1}s, '
                || if(more_seconds > 0, 'above', if(more_seconds < 0, 'below', 'as in'))
                || ' the United Kingdom ({uk_mean_answer_seconds:count 1}s): rank {mean_rank} of {forces_ranked}, '
                || 'where 1 is the shortest.'
                || if(group_reason = 'no_group', ' Which forces are most similar to it is not on record.', '')
        end as finding
    from answering
    union all by name
    select distinct
        2 as part, month_start, columns('^uk_(calls|mean.*|pct.*)$') as '\1',
        'United Kingdom (' || uk_forces_complete || ' of ' || uk_forces || ' forces)' as name
    from answering
    union all by name
    select
        3 as part, month_start, columns('^group_(calls|mean.*|pct.*)$') as '\1',
        'Most similar group (' || group_forces_complete || ' of ' || group_forces || ' forces)' as name
    from own
    where group_reason is null
)

select
    *, '{month_start}' as caption, is_own or part > 1 as is_marked, force_rank as "Rank", calls as "Calls",
    mean_answer_seconds as "Mean answer time, seconds|count 1", pct_under_10s as "% under 10 seconds|percent 1",
    pct_10_to_60s as "% 10 to 60 seconds|percent 1", pct_over_60s as "% 60 seconds or more|percent 1", part = 1 as is_shaded
from rows
order by month_start desc, part, force_rank nulls last, name

-- view: own
-- title: Published figures and the force's own
-- note: The national clock starts when the operator of BT connects a call to the force. The force's own clock starts
--   later, when the call enters its queue, and it counts the calls that its own telephone system logged. So the two can
--   differ, and neither corrects the other.
-- nothing: There is no month with a published figure and a complete one of the force's own.
select
    strftime(answering.month_start, '%b %Y') as name, answering.calls as "Calls, published",
    calls.received as "Calls received, own", answering.mean_answer_seconds as "Mean answer time, published, seconds|count 1",
    calls.avg_queue_seconds as "Average queuing time, own, seconds|count 1"
from marts.national_call_answering as answering
inner join marts.kpi_calls_monthly as calls
    on answering.force_code = calls.force_code and answering.month_start = calls.month_start
where answering.force_code = $force_code and calls.line = '999' and not calls.is_provisional
order by answering.month_start desc
limit 6
