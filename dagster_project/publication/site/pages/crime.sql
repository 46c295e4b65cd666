-- title: Recorded and cancelled crime
-- lead: Why and when recorded crimes are cancelled, how many more to expect, and where crimes were recorded.
-- search: Recorded and cancelled crime | cancellations months transferred reinstated no-crime

-- view: by-month
-- title: By month
-- by: force
-- marts: kpi_crime_monthly kpi_crime_net_monthly kpi_crime_status_monthly
with crimes as (
    select
        *,
        -- Nothing is said of a single month.
        row_number() over (
            partition by force_code, not is_provisional and cancelled_crime > 0
            order by cancelled_crime desc, month_start desc
        ) = 1
        and not is_provisional
        and count(*) filter (not is_provisional and cancelled_crime > 0) over (partition by force_code) > 1 as is_most
    from marts.kpi_crime_monthly
    where month_start >= $first_month
)
select
    crimes.force_code, crimes.month_start, crimes.is_provisional, crimes.share_of_days_loaded, crimes.cancelled_crime,
    crimes.recorded_crime as "Recorded",
    crimes.cancelled_crime as "Cancelled",
    printed.display_value as "Share cancelled",
    net.cancelled_c1 as "Of these, transferred to another force",
    net.cancelled_other_than_c1 as "For other reasons",
    changes.crimes as "Re-instated",
    if(is_most, 'Most cancelled: {month}, {cancelled_crime}.', null) as finding
from crimes
left join marts.kpi_crime_net_monthly as net using (force_code, month_start)
left join marts.kpi_crime_status_monthly as changes
    on crimes.force_code = changes.force_code
    and crimes.month_start = changes.month_start
    and changes.change = 'reinstated'
left join marts.kpi_measure_period as printed
    on crimes.force_code = printed.force_code
    and crimes.month_start = printed.month_start
    and printed.measure = 'crime.pct_cancelled'
    and printed.period = 'month'
order by crimes.force_code, crimes.month_start desc

-- view: groups-by-code
-- title: Crimes cancelled in the month by offence group and reason
-- note: As papers print it: whenever the crimes were recorded. The next two tables are of crimes recorded in the month
--   and cancelled since: never add the two. Darker cells have higher figures.
-- by: force month
-- corner: Offence group
-- shades: all
-- empty: 0
with cancelled as (
    select
        details.force_code, month_start, is_provisional, share_of_days_loaded, cancelled,
        coalesce(cancel_code, 'none') as code,
        coalesce(offences.offence_group, 'Offence not in the list') as offence_group
    from marts.kpi_cancellation_detail_monthly as details
    left join marts.dim_offence as offences on details.offence_code = offences.offence_code
    where counted_by = 'event' and month_start >= $first_month
),
crossed as (
    select
        force_code, month_start,
        bool_or(is_provisional) as is_provisional,
        min(share_of_days_loaded) as share_of_days_loaded,
        offence_group as name,
        coalesce(code, 'All') as heading,
        cast(sum(cancelled) as bigint) as figure,
        code is not null as is_shaded
    from cancelled
    group by force_code, month_start, offence_group, grouping sets ((code), ())
)
select
    *,
    '{force}, cancelled in {named_month}' as caption,
    'count 0' as format,
    dense_rank() over (order by heading = 'All', heading) as position,
    max(figure) over (partition by force_code, month_start, name) as of_group
from crossed
order by force_code, month_start, of_group desc, name

-- view: codes
-- title: Crimes recorded in the month and cancelled since, by reason and days to cancel
-- by: force month
-- corner: Reason
-- shades: all
-- empty: 0
-- marts: kpi_cancellation_detail_monthly
-- search: Cancelled crime by reason and days to cancel | cancellation codes C1 C2 C3 C4 C5 time
with cancelled as (
    select
        details.*,
        coalesce(cancel_code, 'none') as code,
        coalesce(cancel_code || ': ' || nullif(split_part(measures.label, ': ', 2), ''), cancel_code, 'No code')
            as code_name
    from marts.kpi_cancellation_detail_monthly as details
    left join marts.measures as measures on measures.measure = 'crime.cancelled.' || details.cancel_code
    where counted_by <> 'event' and month_start >= $first_month
),
crossed as (
    select
        force_code, month_start,
        bool_or(is_provisional) as is_provisional,
        min(share_of_days_loaded) as share_of_days_loaded,
        code,
        if(code is null, 'All', any_value(code_name)) as name,
        case days_band when '0' then 'Same day' else coalesce(days_band || ' days', 'All') end as heading,
        if(days_band is null, 100000, any_value(days_from)) as position,
        cast(sum(cancelled) as bigint) as figure,
        code is not null and days_band is not null as is_shaded
    from cancelled
    group by force_code, month_start, cube (code, days_band)
)
select
    *,
    '{force}, recorded in this month and cancelled since, {named_month}' as caption,
    'count 0' as format,
    sum(if(code is null and heading = 'All', figure, null)) over (partition by force_code, month_start) as total,
    if(
        heading = 'All' and code is not null and row_number() over (
            partition by force_code, month_start, heading order by code is null, figure desc, code
        ) = 1,
        'Most: {name}, {figure} of {total}.', null
    ) as finding
from crossed
order by force_code, month_start, code nulls last

-- view: groups
-- title: Crimes recorded in the month and cancelled since, by offence group and days to cancel
-- by: force month
-- corner: Offence group
-- shades: all
-- empty: 0
-- search: Cancelled crime by offence group | offences violence theft sexual
with cancelled as (
    select
        details.*,
        coalesce(offences.offence_group, 'Offence not in the list') as offence_group
    from marts.kpi_cancellation_detail_monthly as details
    left join marts.dim_offence as offences on details.offence_code = offences.offence_code
    where counted_by <> 'event' and month_start >= $first_month
),
crossed as (
    select
        force_code, month_start,
        bool_or(is_provisional) as is_provisional,
        min(share_of_days_loaded) as share_of_days_loaded,
        offence_group as name,
        case days_band when '0' then 'Same day' else coalesce(days_band || ' days', 'All') end as heading,
        if(days_band is null, 100000, any_value(days_from)) as position,
        cast(sum(cancelled) as bigint) as figure,
        days_band is not null as is_shaded
    from cancelled
    group by force_code, month_start, offence_group, grouping sets ((days_band), ())
)
select
    *,
    '{force}, recorded in this month and cancelled since, {named_month}' as caption,
    'count 0' as format,
    max(figure) over (partition by force_code, month_start, name) as of_group,
    cast(sum(figure) filter (not is_shaded) over (partition by force_code, month_start) as bigint) as total,
    if(
        heading = 'All' and row_number() over (
            partition by force_code, month_start, heading order by figure desc, name
        ) = 1,
        'Most: {name}, {figure} of {total}.', null
    ) as finding
from crossed
order by force_code, month_start, of_group desc, name

-- view: maturity
-- title: How a month's crimes are cancelled over time
-- note: Share of a month's recorded crimes that is cancelled by its end (0) and by the end of each later month. Compare
--   down a column: a young month has not had the time of an old one. An asterisk: the expected number rests on fewer
--   than three earlier months.
-- by: force
-- corner: Recorded in
-- shades: all
-- empty: 
-- marts: kpi_crime_expected_net kpi_crime_maturity
-- search: Expected cancellations | maturity triangle cohort expected final net
with months as (
    select *, month_start = max(month_start) over (partition by force_code) as is_newest
    from marts.kpi_crime_expected_net
    where month_start >= $first_month
),
cells as (
    select
        force_code, month_start, 'Crimes' as heading, -1 as position, recorded_crime as figure, 'count 0' as format,
        false as is_shaded
    from months
    union all
    -- Ages of a year beside each other; older cancellations are in the column of all so far.
    select
        force_code, month_start, cast(months_since as text), months_since, pct_cancelled_to_date, 'percent 1', true
    from marts.kpi_crime_maturity
    where is_observed and months_since <= 12
    union all
    select force_code, month_start, 'Cancelled so far', 13, cancelled_to_date, 'count 0', false
    from months
    union all
    select
        force_code, month_start, 'Expected in the end', 14, expected_final_cancelled,
        if(is_trial and expected_final_cancelled is not null, '{figure:count 0}*', 'count 0'), false
    from months
    union all
    select force_code, month_start, 'Expected to remain', 15, expected_final_net, 'count 0', false
    from months
)
select
    months.*, cells.* exclude (force_code, month_start),
    if(
        is_newest and position = 13 and expected_final_cancelled is not null,
        '{month}: {cancelled_to_date} of {recorded_crime} crimes are cancelled so far, and {expected_final_cancelled} '
        || 'are expected in the end.', null
    ) as finding
from months
inner join cells using (force_code, month_start)
order by force_code, month_start, position

-- view: days
-- title: How long a month's crimes stood before they were cancelled
-- note: Average days from recording to cancellation of the crimes of a month that were cancelled by its end (0), or by
--   the end of a later month. It rises as a month matures: compare down a column.
-- by: force
-- corner: Recorded in
select
    force_code, month_start, is_provisional, share_of_days_loaded,
    cast(months_since as text) as heading,
    months_since as position,
    avg_days_to_cancel_to_date as figure,
    'count 1' as format
from marts.kpi_crime_maturity
where is_observed and months_since <= 12 and month_start >= $first_month
order by force_code, month_start, months_since

-- view: districts
-- title: Districts
-- by: force month
-- corner: District
-- shades: Recorded
-- marts: kpi_crime_by_district_monthly kpi_district_change_monthly
-- search: Crime by district | districts area where recorded
select
    force_code, month_start, is_provisional, share_of_days_loaded,
    coalesce(district, 'Not stated') as name,
    recorded_crime as "Recorded",
    recorded_month_before as "Month before",
    pct_change as "Change|percent 1",
    recorded_same_month_last_year as "Same month last year",
    cancelled_crime as "Cancelled in the month",
    pct_cancelled_of_recorded as "Cancelled, of recorded|percent 1",
    first_value(recorded_crime) over ranked as most_recorded,
    -- The district whose change differs most from that of all, for its size: a small one changes more by chance. This
    -- is an order and no verdict, which needs twelve months.
    first_value(district) over odd as odd_name,
    first_value(deviation_rank) over odd as odd_rank,
    first_value(pct_change) over odd as odd_change,
    first_value(pct_change_of_all) over odd as change_of_all,
    if(
        row_number() over ranked = 1 and district is not null,
        'Most recorded: {name}, {most_recorded}.' || if(
            odd_rank = 1,
            ' The change that differs most from that of all districts ({change_of_all:percent 1}), for the size of the '
            || 'district: {odd_name}, {odd_change:percent 1}.', ''
        ),
        null
    ) as finding
from marts.kpi_district_change_monthly
where month_start >= $first_month
window
    ranked as (
        partition by force_code, month_start order by district is null, recorded_crime desc, district
    ),
    odd as (
        partition by force_code, month_start order by deviation_rank nulls last
    )
order by force_code, month_start, district is null, recorded_crime desc, name
