-- title: Recorded and cancelled crime
-- lead: Why and when recorded crimes are cancelled, how many more to expect, and where crimes were recorded.
-- search: Recorded and cancelled crime | cancellations months transferred reinstated no-crime

create or replace temp view crossed as
with details as (
    select
        details.*,
        coalesce(offences.offence_group, 'Offence not in the list') as offence_group,
        coalesce(cancel_code, 'none') as code,
        coalesce(cancel_code || ': ' || nullif(split_part(measures.label, ': ', 2), ''), cancel_code, 'No code') as reason,
        if(days_band = '0', 'Same day', days_band || ' days') as band
    from marts.kpi_cancellation_detail_monthly as details
    left join marts.dim_offence as offences on details.offence_code = offences.offence_code
    left join marts.measures as measures on measures.measure = 'crime.cancelled.' || details.cancel_code
),
parts as (
    select
        force_code, month_start, is_provisional, share_of_days_loaded, cancelled,
        unnest(
            if(
                counted_by = 'event',
                [{'shown': 'groups-by-code', 'name': offence_group, 'place': '', 'heading': code, 'position': code}],
                [
                    {'shown': 'codes', 'name': reason, 'place': code, 'heading': band, 'position': printf('%05d', days_from)},
                    {'shown': 'groups', 'name': offence_group, 'place': '', 'heading': band, 'position': printf('%05d', days_from)}
                ]
            ), recursive := true
        )
    from details
),
cells as (
    select
        force_code, month_start, shown, name, place, heading, min(position) as position,
        bool_or(is_provisional) as is_provisional, min(share_of_days_loaded) as share_of_days_loaded,
        cast(sum(cancelled) as bigint) as figure, name is not null as is_shaded
    from parts
    group by force_code, month_start, shown, heading, grouping sets ((name, place), ())
)
select
    force_code, month_start, shown, place, is_shaded, coalesce(name, 'All') as name,
    bool_or(is_provisional) as is_provisional, min(share_of_days_loaded) as share_of_days_loaded,
    list({'heading': heading, 'position': position, 'figure': figure, 'format': 'count 0'}) as cells,
    cast(sum(figure) as bigint) as "All", "All" as most,
    sum("All") filter (is_shaded) over (partition by force_code, month_start, shown) as total,
    if(
        shown <> 'groups-by-code' and 1 = row_number() over (
            partition by force_code, month_start, shown order by is_shaded desc, "All" desc, place, name
        ),
        'Most: {name}, {most} of {total}.', null
    ) as finding
from cells
group by force_code, month_start, shown, name, place, is_shaded;

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
-- shades: cells
-- empty: 0
select *, '{force}, cancelled in {named_month}' as caption
from crossed
where shown = 'groups-by-code' and is_shaded and month_start >= $first_month
order by force_code, month_start, "All" desc, name

-- view: codes
-- title: Crimes recorded in the month and cancelled since, by reason and days to cancel
-- by: force month
-- corner: Reason
-- shades: cells
-- empty: 0
-- marts: kpi_cancellation_detail_monthly
-- search: Cancelled crime by reason and days to cancel | cancellation codes C1 C2 C3 C4 C5 time
select *, '{force}, recorded in this month and cancelled since, {named_month}' as caption
from crossed
where shown = 'codes' and month_start >= $first_month
order by force_code, month_start, place nulls last

-- view: groups
-- title: Crimes recorded in the month and cancelled since, by offence group and days to cancel
-- by: force month
-- corner: Offence group
-- shades: cells
-- empty: 0
-- search: Cancelled crime by offence group | offences violence theft sexual
select *, '{force}, recorded in this month and cancelled since, {named_month}' as caption
from crossed
where shown = 'groups' and is_shaded and month_start >= $first_month
order by force_code, month_start, "All" desc, name

-- view: maturity
-- title: How a month's crimes are cancelled over time
-- note: Share of a month's recorded crimes that is cancelled by its end (0) and by the end of each later month. Compare
--   down a column: a young month has not had the time of an old one. An asterisk: the expected number rests on fewer
--   than three earlier months.
-- by: force
-- corner: Recorded in
-- shades: cells
-- empty: 
-- marts: kpi_crime_expected_net kpi_crime_maturity
-- search: Expected cancellations | maturity triangle cohort expected final net
with ages as (
    -- Ages of a year beside each other; older cancellations are in the column of all so far.
    select
        force_code, month_start,
        list({
            'heading': cast(months_since as text), 'position': months_since, 'figure': pct_cancelled_to_date,
            'format': 'percent 1'
        }) as cells
    from marts.kpi_crime_maturity
    where is_observed and months_since <= 12
    group by all
)
select
    months.*,
    recorded_crime as "Crimes",
    ages.cells,
    cancelled_to_date as "Cancelled so far",
    coalesce(format('{:,}', cast(round(expected_final_cancelled) as bigint)) || if(is_trial, '*', ''), '–')
        as "Expected in the end",
    expected_final_net as "Expected to remain",
    if(
        month_start = max(month_start) over (partition by force_code) and expected_final_cancelled is not null,
        '{month}: {cancelled_to_date} of {recorded_crime} crimes are cancelled so far, and {expected_final_cancelled} '
        || 'are expected in the end.', null
    ) as finding
from marts.kpi_crime_expected_net as months
left join ages using (force_code, month_start)
where month_start >= $first_month
order by force_code, month_start

-- view: days
-- title: How long a month's crimes stood before they were cancelled
-- note: Average days from recording to cancellation of the crimes of a month that were cancelled by its end (0), or by
--   the end of a later month. It rises as a month matures: compare down a column.
-- by: force
-- corner: Recorded in
select
    force_code, month_start, any_value(is_provisional) as is_provisional,
    any_value(share_of_days_loaded) as share_of_days_loaded,
    list({
        'heading': cast(months_since as text), 'position': months_since, 'figure': avg_days_to_cancel_to_date,
        'format': 'count 1'
    }) as cells
from marts.kpi_crime_maturity
where is_observed and months_since <= 12 and month_start >= $first_month
group by force_code, month_start
order by force_code, month_start

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
