with

source_days as (select * from {{ ref("int_source_day") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

measure_sources as (

    select
        measure,
        {{ list_items("sources") }} as source
    from measures
    where sources <> ''

),

source_months as (

    select
        source,
        force_code,
        {{ month_start("day") }} as month_start,
        count(*) as days_loaded
    from source_days
    where is_loaded
    group by all

),

gaps as (

    select
        measure,
        source,
        force_code,
        {{ month_start("day") }} as month_start,
        count(distinct day) as days,
        count(column_name) as columns
    from ({{ lacking_days() }}) as lacking
    group by all

),

spans as (

    select
        measure_sources.measure,
        source_months.force_code,
        min(source_months.month_start) as first_month,
        max(source_months.month_start) as last_month
    from measure_sources
    inner join source_months
        on measure_sources.source = source_months.source
    group by all

),

days as (
    {{- date_series("first_month", "last_month", "spans", ["measure", "force_code"]) }}
),

-- Of several sources, the one with the fewest days decides.
months as (

    select
        days.measure,
        days.force_code,
        days.date_day as month_start,
        {{ days_between("days.date_day", date_plus("days.date_day", 1, "month")) }} as days_in_month,
        cast(min(coalesce(source_months.days_loaded, 0) - coalesce(gaps.days, 0)) as bigint) as days_loaded,
        coalesce(max(gaps.columns), 0) > 0 as lacks_columns
    from days
    inner join measure_sources
        on days.measure = measure_sources.measure
    left join source_months
        on measure_sources.source = source_months.source
        and days.force_code = source_months.force_code
        and days.date_day = source_months.month_start
    left join gaps
        on days.measure = gaps.measure
        and measure_sources.source = gaps.source
        and days.force_code = gaps.force_code
        and days.date_day = gaps.month_start
    where days.date_day = {{ month_start("days.date_day") }}
    group by
        days.measure,
        days.force_code,
        days.date_day

)

select
    *,
    days_loaded < days_in_month as is_provisional,
    {{ ratio("days_loaded", "days_in_month", 100) }} as share_of_days_loaded
from months
