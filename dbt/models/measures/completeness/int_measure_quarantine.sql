with

source_rows as (select * from {{ ref("int_source_row_monthly") }}),

measure_sources as (select * from {{ ref("int_measure_source") }}),

periods as (select * from {{ ref("int_period") }}),

period_rows as (

    select
        source_rows.source,
        source_rows.force_code,
        periods.month_start,
        periods.period,
        sum(source_rows.rows_read) as rows_read,
        sum(source_rows.rows_quarantined) as rows_quarantined
    from periods
    inner join source_rows
        on source_rows.month_start between periods.first_month and periods.last_month
    group by all

),

shares as (

    select
        *,
        coalesce({{ ratio("rows_quarantined", "rows_read", 100) }}, 0) as share_quarantined,
        {{ exceeds_quarantine_limit("rows_quarantined", "rows_read") }} as is_affected
    from period_rows

),

final as (

    select
        shares.force_code,
        measure_sources.measure,
        shares.month_start,
        shares.period,
        cast(sum(shares.rows_quarantined) as bigint) as rows_quarantined,
        cast(max(shares.share_quarantined) as decimal(38, 6)) as share_quarantined,
        max(case when shares.is_affected then 1 else 0 end) = 1 as is_affected_by_quarantine,
        {{ joined_text("case when shares.is_affected then shares.source end") }} as affected_sources
    from shares
    inner join measure_sources
        on shares.source = measure_sources.source
    group by all

)

select * from final
