with

source_rows as (select * from {{ ref("int_source_row_monthly") }}),

periods as (select * from {{ ref("int_period") }}),

sources as (

    select distinct source
    from {{ ref("int_measure_source") }}

),

summed as (

    select
        source_rows.force_code,
        source_rows.source,
        periods.month_start,
        periods.period,
        cast(sum(source_rows.rows_read) as bigint) as rows_read,
        cast(sum(source_rows.rows_quarantined) as bigint) as rows_quarantined
    from periods
    inner join source_rows
        on source_rows.month_start between periods.first_month and periods.last_month
    inner join sources
        on source_rows.source = sources.source
    group by all

)

select
    *,
    coalesce({{ ratio("rows_quarantined", "rows_read", 100) }}, 0) as share_quarantined,
    {{ exceeds_quarantine_limit("rows_quarantined", "rows_read") }} as is_affected_by_quarantine
from summed
