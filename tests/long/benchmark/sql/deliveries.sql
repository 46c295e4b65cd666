-- The expectations that look at days, all in one: how many days break each of them. One pass over the rows of a source.
with delivery as materialized (
    select
        extract_date,
        count(*) as rows_loaded,
        {measures},
        {filled}
    from raw.{source}
    group by extract_date
),

faulty as (
    select
        extract_date,
        count(*) as faulty_rows
    from audit.quarantine
    where source = '{source}' and reason_code not in ('duplicate_row', 'superseded_row')
    group by extract_date
),

-- A bank holiday is compared with Sundays, and is no measure for the days after it.
dated as (
    select
        delivery.*,
        holiday_date is not null as is_bank_holiday,
        case when holiday_date is null then dayofweek(extract_date) else 0 end as day_kind,
        coalesce(faulty_rows, 0) as faulty_rows
    from delivery
    left join reference.bank_holidays on extract_date = holiday_date
    left join faulty using (extract_date)
),

expected as (
    select
        dated.extract_date,
        cast(median(earlier.rows_loaded) as double) as expected_rows
    from dated
    join dated as earlier
        on dated.day_kind = earlier.day_kind
        and not earlier.is_bank_holiday
        and earlier.extract_date < dated.extract_date
        and earlier.extract_date >= dated.extract_date - 56
    group by dated.extract_date
    having count(*) >= 3
),

judged as (
    select
        *,
        case
            when abs(rows_loaded - expected_rows) > 3.5 * sqrt(expected_rows) then rows_loaded / expected_rows
        end as volume_ratio
    from dated
    left join expected using (extract_date)
)

select
    count(*) filter (faulty_rows > 20 and faulty_rows > 0.05 * (rows_loaded + faulty_rows)) as faulty_rows_are_within_limits,
    count(*) filter (rows_loaded = 0) as delivery_has_rows,
    count(*) filter (volume_ratio < 0.5) as volume_is_not_far_below_the_recent_past,
    count(*) filter (volume_ratio > 3) as volume_is_not_far_above_the_recent_past,
    count(*) filter (rows_after > 0) as events_are_not_after_the_extract_date,
    count(*) filter (2 * rows_long_before > rows_loaded) as most_events_are_near_the_extract_date,
    {rules},
    {silent}
from judged
