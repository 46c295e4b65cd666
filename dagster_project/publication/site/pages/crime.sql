-- title: Recorded and cancelled crime
-- lead: Why and when recorded crimes are cancelled, and where crimes were recorded.
-- search: Recorded and cancelled crime | cancellations months transferred no-crime

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
-- marts: kpi_crime_monthly kpi_crime_net_monthly
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
    if(is_most, 'Most cancelled: {month}, {cancelled_crime}.', null) as finding
from crimes
left join marts.kpi_crime_net_monthly as net using (force_code, month_start)
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
--   down a column: a young month has not had the time of an old one.
-- by: force
-- corner: Recorded in
-- shades: cells
-- empty: 
-- marts: kpi_crime_maturity
-- search: Cancellations over time | maturity triangle cohort
select
    force_code, month_start,
    arg_max(is_provisional, months_since) filter (is_observed or months_since = 0) as is_provisional,
    arg_max(share_of_days_loaded, months_since) filter (is_observed or months_since = 0) as share_of_days_loaded,
    any_value(recorded_crime) as crimes,
    any_value(recorded_crime) as "Crimes",
    -- Ages of a year beside each other; older cancellations are in the column of all so far.
    list({
        'heading': cast(months_since as text), 'position': months_since, 'figure': pct_cancelled_to_date,
        'format': 'percent 1'
    }) filter (is_observed and months_since <= 12) as cells,
    max(cancelled_to_date) as cancelled,
    max(cancelled_to_date) as "Cancelled so far",
    if(
        month_start = max(month_start) over (partition by force_code) and max(cancelled_to_date) is not null,
        '{month}: {cancelled} of {crimes} crimes are cancelled so far.', null
    ) as finding
from marts.kpi_crime_maturity
where month_start >= $first_month
group by force_code, month_start
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
-- marts: kpi_crime_by_district_monthly
-- search: Crime by district | districts area where recorded
with districts as (
    select
        months.*,
        -- Null where the district has no row or the month is not complete.
        month_before.recorded_crime as recorded_before,
        year_before.recorded_crime as recorded_year_before,
        if(months.is_provisional or months.district is null, null, months.recorded_crime - recorded_before) as change
    from marts.kpi_crime_by_district_monthly as months
    left join marts.kpi_crime_by_district_monthly as month_before
        on months.force_code = month_before.force_code
        and months.district is not distinct from month_before.district
        and month_before.month_start = months.month_start - interval 1 month
        and not month_before.is_provisional
    left join marts.kpi_crime_by_district_monthly as year_before
        on months.force_code = year_before.force_code
        and months.district is not distinct from year_before.district
        and year_before.month_start = months.month_start - interval 1 year
        and not year_before.is_provisional
    where months.month_start >= $first_month
)
select
    force_code, month_start, is_provisional, share_of_days_loaded,
    coalesce(district, 'Not stated') as name,
    recorded_crime as "Recorded",
    recorded_before as "Month before",
    cast(100.0 * change / nullif(recorded_before, 0) as decimal(38, 6)) as "Change|percent 1",
    recorded_year_before as "Same month last year",
    cancelled_crime as "Cancelled in the month",
    cast(100.0 * cancelled_crime / nullif(recorded_crime, 0) as decimal(38, 6)) as "Cancelled, of recorded|percent 1",
    first_value(district) over changed as changed_name,
    first_value(change) over changed as changed_by,
    if(
        row_number() over ranked = 1 and district is not null,
        'Most recorded: {name}, {recorded_crime}.'
        || if(changed_by <> 0, ' Largest change on the month before: {changed_name}, {changed_text}.', ''),
        null
    ) as finding,
    recorded_crime,
    printf('%+d', changed_by) as changed_text
from districts
window
    ranked as (partition by force_code, month_start order by district is null, recorded_crime desc, district),
    changed as (partition by force_code, month_start order by abs(change) desc nulls last, district)
order by force_code, month_start, district is null, recorded_crime desc, name
