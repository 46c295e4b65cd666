with

triangle as (select * from {{ ref("kpi_crime_maturity") }}),

-- Age 0 is the month of recording itself. Totals to date only grow, so the largest is that of the last observed age.
cohorts as (

    select
        force_code,
        month_start,
        recorded_crime,
        max(cancelled_to_date) as cancelled_to_date,
        max(case when months_since = 0 and is_observed then 1 else 0 end) = 1 as is_complete,
        max(case when is_observed then months_since else -1 end) as last_age,
        max(case when is_observed then cancelled_to_date else 0 end) as cancelled_observed
    from triangle
    group by all

),

rates as (

    select
        triangle.force_code,
        triangle.months_since,
        count(*) as cohorts,
        {{ ratio("sum(triangle.cancelled)", "sum(triangle.recorded_crime)", 100) }} as pct_cancelled
    from triangle
    inner join cohorts
        on {{ same_columns("triangle", "cohorts", ["force_code", "month_start"]) }}
    where triangle.is_observed and cohorts.is_complete
    group by
        triangle.force_code,
        triangle.months_since

),

to_come as (

    select
        cohorts.force_code,
        cohorts.month_start,
        cohorts.recorded_crime,
        cohorts.cancelled_to_date,
        cohorts.cancelled_observed,
        cohorts.last_age,
        -- Null without any rate; greatest() alone would ignore the null.
        max(case when rates.months_since is not null then greatest(rates.months_since - cohorts.last_age, 0) end)
            as ages_expected,
        count(case when rates.months_since > cohorts.last_age then rates.pct_cancelled end) as ages_with_rate,
        coalesce(sum(case when rates.months_since > cohorts.last_age then rates.pct_cancelled end), 0) as pct_further,
        coalesce(max(case when rates.months_since = cohorts.last_age + 1 then rates.cohorts end), 0) as next_age_cohorts
    from cohorts
    left join rates
        on cohorts.force_code = rates.force_code
    group by all

),

-- Times 100, because rates are percentages and division comes last. Null where a remaining age has no rate. Never fewer
-- than are already cancelled, in an incomplete month, and never more than were recorded.
expected as (

    select
        *,
        case when ages_expected = ages_with_rate then pct_further end as pct_expected_further,
        case
            when ages_expected = ages_with_rate
                then least(
                    greatest(100 * cancelled_observed + recorded_crime * pct_further, 100 * cancelled_to_date),
                    100 * recorded_crime
                )
        end as cancelled_x100
    from to_come

),

rounded as (

    select
        *,
        {{ ratio("cancelled_x100", "100") }} as expected_final_cancelled
    from expected

)

-- The period of an expectation ends with the last observed age, or is the month of recording where there is none.
select
    rounded.force_code,
    rounded.month_start,
    rounded.recorded_crime,
    rounded.cancelled_to_date,
    rounded.last_age + 1 as ages_observed,
    rounded.ages_expected,
    rounded.next_age_cohorts,
    cast(rounded.pct_expected_further as decimal(38, 6)) as pct_expected_further,
    cast(rounded.expected_final_cancelled - rounded.cancelled_to_date as decimal(38, 6)) as expected_further_cancelled,
    rounded.expected_final_cancelled,
    cast(rounded.recorded_crime - rounded.expected_final_cancelled as decimal(38, 6)) as expected_final_net,
    {{ ratio("rounded.cancelled_x100", "rounded.recorded_crime") }} as expected_final_pct_cancelled,
    coalesce(rounded.ages_expected > 0, true) and rounded.next_age_cohorts < 3 as is_trial,
    triangle.is_provisional,
    triangle.share_of_days_loaded
from rounded
inner join triangle
    on {{ same_columns("rounded", "triangle", ["force_code", "month_start"]) }}
    and triangle.months_since = greatest(rounded.last_age, 0)
