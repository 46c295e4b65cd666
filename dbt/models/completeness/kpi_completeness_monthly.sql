with

measures as (select * from {{ ref("measure_catalogue") }}),

-- A month may have rows that could belong to a force without a day on which its rows are expected.
counted as (

    select
        source,
        force_code,
        {{ month_start("day") }} as month_start,
        1 as days_owed,
        case when is_loaded then 1 else 0 end as days_loaded,
        0 as rows_read,
        0 as rows_quarantined
    from {{ ref("int_source_day") }}

    union all

    select
        source,
        force_code,
        month_start,
        0 as days_owed,
        0 as days_loaded,
        rows_read,
        rows_quarantined
    from {{ ref("int_source_row_monthly") }}

),

months as (

    select
        source,
        force_code,
        month_start,
        cast(sum(days_owed) as bigint) as days_owed,
        cast(sum(days_loaded) as bigint) as days_loaded,
        cast(sum(rows_read) as bigint) as rows_read,
        cast(sum(rows_quarantined) as bigint) as rows_quarantined,
        {{ days_between("month_start", date_plus("month_start", 1, "month")) }} as days_in_month
    from counted
    where source in (select {{ list_items("sources") }} from measures)
    group by all

)

select
    *,
    coalesce({{ ratio("rows_quarantined", "rows_read", 100) }}, 0) as share_quarantined,
    {{ exceeds_quarantine_limit("rows_quarantined", "rows_read") }} as is_affected_by_quarantine,
    days_loaded < days_in_month as is_provisional,
    {{ ratio("days_loaded", "days_in_month", 100) }} as share_of_days_loaded
from months
