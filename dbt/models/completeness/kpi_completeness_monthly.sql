with

source_days as (select * from {{ ref("int_source_day") }}),

source_months as (select * from {{ ref("int_source_month") }}),

source_rows as (select * from {{ ref("int_source_row_monthly") }}),

measure_sources as (select * from {{ ref("int_measure_source") }}),

dates as (select * from {{ ref("dim_date") }}),

owed as (

    select
        source_days.source,
        source_days.force_code,
        dates.month_start,
        count(*) as days_owed
    from source_days
    inner join dates
        on source_days.day = dates.date_day
    group by all

),

sources as (

    select distinct source
    from measure_sources

),

months as (

    select distinct
        month_start,
        days_in_month
    from dates

),

-- A month may have rows that could belong to a force without a day on which its rows are expected.
cells as (

    select
        source,
        force_code,
        month_start
    from source_months

    union

    select
        source,
        force_code,
        month_start
    from source_rows

),

final as (

    select
        cast(cells.force_code as {{ dbt.type_string() }}) as force_code,
        cast(cells.source as {{ dbt.type_string() }}) as source,
        cast(cells.month_start as date) as month_start,
        cast(months.days_in_month as bigint) as days_in_month,
        cast(coalesce(owed.days_owed, 0) as bigint) as days_owed,
        cast(coalesce(source_months.days_loaded, 0) as bigint) as days_loaded,
        cast(coalesce(source_rows.rows_read, 0) as bigint) as rows_read,
        cast(coalesce(source_rows.rows_quarantined, 0) as bigint) as rows_quarantined,
        cast(
            coalesce({{ ratio("source_rows.rows_quarantined", "source_rows.rows_read", 100) }}, 0) as decimal(38, 6)
        ) as share_quarantined,
        cast(
            coalesce(
                {{ exceeds_quarantine_limit("source_rows.rows_quarantined", "source_rows.rows_read") }}, false
            ) as boolean
        ) as is_affected_by_quarantine,
        cast(coalesce(source_months.days_loaded, 0) < months.days_in_month as boolean) as is_provisional,
        {{ ratio("coalesce(source_months.days_loaded, 0)", "months.days_in_month", 100) }} as share_of_days_loaded
    from cells
    inner join sources
        on cells.source = sources.source
    inner join months
        on cells.month_start = months.month_start
    left join source_months
        on cells.source = source_months.source
        and cells.force_code = source_months.force_code
        and cells.month_start = source_months.month_start
    left join owed
        on cells.source = owed.source
        and cells.force_code = owed.force_code
        and cells.month_start = owed.month_start
    left join source_rows
        on cells.source = source_rows.source
        and cells.force_code = source_rows.force_code
        and cells.month_start = source_rows.month_start

)

select * from final
