with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

months as (

    select *
    from {{ ref("int_crime_monthly") }}
    where measure = 'crime.pct_cohort_cancelled'

),

cancellations as (select * from {{ ref("int_crime_cancellation_monthly") }}),

-- Each month of recording with itself and each delivered month after it.
cells as (

    select
        cohorts.force_code,
        cohorts.month_start,
        {{ month_number("months.month_start") }} - {{ month_number("cohorts.month_start") }} as months_since,
        cast(cohorts.denominator as bigint) as recorded_crime,
        months.days_in_month,
        months.days_loaded,
        coalesce(cancellations.cancelled, 0) as cancelled,
        coalesce(cancellations.days_to_cancel, 0) as days_to_cancel,
        coalesce(cancellations.cancelled_c1, 0) as cancelled_c1
    from months as cohorts
    inner join months
        on cohorts.force_code = months.force_code
        and cohorts.month_start <= months.month_start
    left join cancellations
        on {{ same_columns("cohorts", "cancellations", ["force_code", "month_start"]) }}
        and months.month_start = cancellations.cancelled_month

),

accumulated as (

    select
        *
        {%- for column in ["cancelled", "days_to_cancel", "days_in_month", "days_loaded"] %},
        sum({{ column }}) over (
            partition by force_code, month_start
            order by months_since asc nulls last
            rows between unbounded preceding and current row
        ) as {{ column }}_to_date
        {%- endfor %}
    from cells

)

select
    force_code,
    month_start,
    months_since,
    recorded_crime,
    case when recorded_crime is not null and days_loaded > 0 then cancelled end as cancelled,
    case when recorded_crime is not null and days_loaded > 0 then cancelled_c1 end as cancelled_c1,
    cast(case when recorded_crime is not null then cancelled_to_date end as bigint) as cancelled_to_date,
    {{ ratio("cancelled_to_date", "recorded_crime", 100) }} as pct_cancelled_to_date,
    case
        when recorded_crime is not null then {{ ratio("days_to_cancel_to_date", "cancelled_to_date") }}
    end as avg_days_to_cancel_to_date,
    days_loaded = days_in_month as is_observed,
    days_loaded_to_date < days_in_month_to_date as is_provisional,
    {{ ratio("days_loaded_to_date", "days_in_month_to_date", 100) }} as share_of_days_loaded
from accumulated
