with

measures as (select * from {{ ref("measure_catalogue") }}),

source_months as (select * from {{ ref("int_source_month") }}),

source_rows as (

    select
        source,
        force_code,
        month_start,
        sum(rows_read) as rows_read,
        sum(rows_quarantined) as rows_quarantined
    from {{ ref("int_source_row_monthly") }}
    group by all

),

-- A month may have rows that could belong to a force without a day on which its rows are expected.
cells as (

    select
        coalesce(source_months.source, source_rows.source) as source,
        coalesce(source_months.force_code, source_rows.force_code) as force_code,
        coalesce(source_months.month_start, source_rows.month_start) as month_start,
        coalesce(source_months.days_owed, 0) as days_owed,
        coalesce(source_months.days_loaded, 0) as days_loaded,
        cast(coalesce(source_rows.rows_read, 0) as bigint) as rows_read,
        cast(coalesce(source_rows.rows_quarantined, 0) as bigint) as rows_quarantined
    from source_months
    full outer join source_rows
        on source_months.source = source_rows.source
        and source_months.force_code = source_rows.force_code
        and source_months.month_start = source_rows.month_start

),

months as (

    select
        *,
        {{ days_between("month_start", date_plus("month_start", 1, "month")) }} as days_in_month
    from cells
    where source in (select {{ list_items("sources") }} from measures)

)

select
    *,
    coalesce({{ ratio("rows_quarantined", "rows_read", 100) }}, 0) as share_quarantined,
    {{ exceeds_quarantine_limit("rows_quarantined", "rows_read") }} as is_affected_by_quarantine,
    days_loaded < days_in_month as is_provisional,
    {{ ratio("days_loaded", "days_in_month", 100) }} as share_of_days_loaded
from months
