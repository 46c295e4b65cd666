{#-
    The days are found once for all measures of the same sources: 72 measures have eight sets of sources, and two years
    of 43 forces are 250,000 days of a set, but two million days of a measure.
-#}
with

deliveries as (select * from {{ ref("int_measure_delivery") }}),

measure_sources as (select * from {{ ref("int_measure_source") }}),

source_days as (select * from {{ ref("int_source_day") }}),

gap_days as (select * from {{ ref("int_measure_gap_day") }}),

dates as (select * from {{ ref("dim_date") }}),

source_sets as (

    select
        measure,
        {{ joined_text("source") }} as sources
    from measure_sources
    group by measure

),

sources_of_set as (

    select distinct
        source_sets.sources,
        measure_sources.source
    from source_sets
    inner join measure_sources
        on source_sets.measure = measure_sources.measure

),

-- From April of the year before the first year to date, because that year is compared with it.
spans as (

    select
        source_sets.sources,
        deliveries.force_code,
        {{ date_plus("min(dates.financial_year_start)", -12, "month") }} as first_day,
        {{ date_plus("max(deliveries.month_start)", 1, "month") }} as end_day
    from deliveries
    inner join source_sets
        on deliveries.measure = source_sets.measure
    inner join dates
        on deliveries.month_start = dates.date_day
    group by all

),

unloaded_days as (

    select
        spans.sources,
        spans.force_code,
        dates.date_day as day
    from spans
    inner join dates
        on spans.first_day <= dates.date_day and spans.end_day > dates.date_day
    inner join sources_of_set
        on spans.sources = sources_of_set.sources
    left join source_days
        on sources_of_set.source = source_days.source
        and spans.force_code = source_days.force_code
        and dates.date_day = source_days.day
    group by all
    having min(case when source_days.is_loaded then 1 else 0 end) = 0

),

final as (

    select
        source_sets.measure,
        unloaded_days.force_code,
        unloaded_days.day
    from unloaded_days
    inner join source_sets
        on unloaded_days.sources = source_sets.sources

    union

    select
        measure,
        force_code,
        day
    from gap_days

)

select * from final
