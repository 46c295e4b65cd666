with

source_days as (

    select * from {{ ref("int_source_day") }}

),

source_months as (

    select * from {{ ref("int_source_month") }}

),

source_rows as (

    select * from {{ ref("int_source_row_monthly") }}

),

measure_sources as (

    select * from {{ ref("int_measure_source") }}

),

dates as (

    select * from {{ ref("dim_date") }}

),

owed as (

    select
        source_days.source,
        source_days.force_code,
        dates.month_start,
        count(*) as days_owed
    from source_days
    inner join dates
        on source_days.day = dates.date_day
    group by
        source_days.source,
        source_days.force_code,
        dates.month_start

),

sources as (

    select distinct source
    from measure_sources

),

final as (

    select
        cast(source_months.force_code as {{ dbt.type_string() }}) as force_code,
        cast(source_months.source as {{ dbt.type_string() }}) as source,
        cast(source_months.month_start as date) as month_start,
        cast(source_months.days_in_month as bigint) as days_in_month,
        cast(owed.days_owed as bigint) as days_owed,
        cast(source_months.days_loaded as bigint) as days_loaded,
        cast(coalesce(source_rows.rows_read, 0) as bigint) as rows_read,
        cast(coalesce(source_rows.rows_quarantined, 0) as bigint) as rows_quarantined,
        cast(
            coalesce({{ ratio("source_rows.rows_quarantined", "source_rows.rows_read", 100) }}, 0) as decimal(38, 6)
        ) as share_quarantined,
        cast(source_months.days_loaded < source_months.days_in_month as boolean) as is_provisional,
        {{ ratio("source_months.days_loaded", "source_months.days_in_month", 100) }} as share_of_days_loaded
    from source_months
    inner join sources
        on source_months.source = sources.source
    inner join owed
        on source_months.source = owed.source
        and source_months.force_code = owed.force_code
        and source_months.month_start = owed.month_start
    left join source_rows
        on source_months.source = source_rows.source
        and source_months.force_code = source_rows.force_code
        and source_months.month_start = source_rows.month_start

)

select * from final
