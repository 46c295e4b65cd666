{#-
    A view: publishing reads it when it records a publication, and it must compare with the last publication at that
    moment. dbt reads it only for its tests.
-#}
{{ config(materialized="view") }}
{%- set key = ["force_code", "measure", "month_start"] -%}

with

figures as (select * from {{ ref("int_measure_monthly") }}),

measure_sources as (select * from {{ ref("int_measure_source") }}),

versions as (select * from {{ ref("stg_figure_versions") }}),

intervals as (select * from {{ ref("chg_publication_interval") }}),

unpublished_loads as (select * from {{ ref("chg_unpublished_loads") }}),

unpublished_months as (select * from {{ ref("chg_unpublished_months") }}),

newest_versions as (

    select
        force_code,
        measure,
        month_start,
        max(publication_no) as publication_no
    from versions
    group by all

),

published as (

    select versions.*
    from versions
    inner join newest_versions
        on {{ same_columns("versions", "newest_versions", key + ["publication_no"]) }}
    where not versions.is_removed

),

compared as (

    select
        coalesce(figures.force_code, published.force_code) as force_code,
        coalesce(figures.measure, published.measure) as measure,
        coalesce(figures.month_start, published.month_start) as month_start,
        figures.value,
        figures.is_provisional,
        published.value as previous_value,
        published.is_provisional as was_provisional,
        published.measure is null as is_new,
        figures.measure is null as is_removed
    from figures
    full outer join published
        on {{ same_columns("figures", "published", key) }}

),

changed as (

    select
        *,
        -- Effects of which days of the month are loaded, regardless of their content.
        is_new
        or is_removed
        or (value is null) <> (previous_value is null)
        or is_provisional <> was_provisional as may_be_of_days
    from compared
    where is_new or is_removed or is_provisional <> was_provisional or value is distinct from previous_value

),

deliveries as (

    select distinct
        source,
        extract_date,
        was_loaded
    from unpublished_loads

),

of_rows as (

    select
        changed.force_code,
        changed.measure,
        changed.month_start,
        unpublished_months.source,
        unpublished_months.extract_date
    from changed
    inner join measure_sources
        on changed.measure = measure_sources.measure
    inner join unpublished_months
        on measure_sources.source = unpublished_months.source
        and changed.force_code = unpublished_months.force_code
        and changed.month_start = unpublished_months.month_start

),

of_days as (

    select
        changed.force_code,
        changed.measure,
        changed.month_start,
        deliveries.source,
        deliveries.extract_date
    from changed
    inner join measure_sources
        on changed.measure = measure_sources.measure
    inner join deliveries
        on measure_sources.source = deliveries.source
        and changed.month_start = {{ month_start("deliveries.extract_date") }}
    where
        changed.may_be_of_days
        and not deliveries.was_loaded

),

found as (

    select * from of_rows
    union
    select * from of_days

),

explained as (

    select distinct
        force_code,
        measure,
        month_start
    from found

),

forces_before as (

    select distinct force_code
    from published

),

forces_now as (

    select distinct force_code
    from figures

),

-- Figures that neither rows nor days of their month explain, although the definitions are the same: a force whose
-- first rows came has figures of every month and measure, and a month between two that are delivered has empty ones.
unexplained as (

    select
        changed.force_code,
        changed.measure,
        changed.month_start,
        forces_before.force_code is null or forces_now.force_code is null as is_of_another_set_of_forces
    from changed
    cross join intervals
    left join forces_before
        on changed.force_code = forces_before.force_code
    left join forces_now
        on changed.force_code = forces_now.force_code
    left join explained
        on {{ same_columns("changed", "explained", key) }}
    where explained.measure is null and not intervals.has_other_definitions

),

causes as (

    select * from found

    union

    select
        unexplained.force_code,
        unexplained.measure,
        unexplained.month_start,
        unpublished_months.source,
        unpublished_months.extract_date
    from unexplained
    inner join unpublished_months
        on unexplained.force_code = unpublished_months.force_code
    where unexplained.is_of_another_set_of_forces

    union

    select
        unexplained.force_code,
        unexplained.measure,
        unexplained.month_start,
        deliveries.source,
        deliveries.extract_date
    from unexplained
    inner join measure_sources
        on unexplained.measure = measure_sources.measure
    inner join deliveries
        on measure_sources.source = deliveries.source
    where not unexplained.is_of_another_set_of_forces

),

-- Consecutive days are one span: a day minus its row number is the same for all of them.
placed as (

    select
        *,
        cast(row_number() over (
            partition by force_code, measure, month_start, source
            order by extract_date asc nulls last
        ) as bigint) as row_num
    from causes

),

numbered as (

    select
        *,
        {{ date_plus("extract_date", "-row_num", "day") }} as stretch
    from placed

),

stretches as (

    select
        force_code,
        measure,
        month_start,
        source,
        min(extract_date) as first_day,
        max(extract_date) as last_day,
        count(*) as deliveries
    from numbered
    group by
        force_code,
        measure,
        month_start,
        source,
        stretch

),

worded as (

    select
        force_code,
        measure,
        month_start,
        deliveries,
        source
        || ' '
        || cast(first_day as {{ dbt.type_string() }})
        || case when last_day > first_day then ' to ' || cast(last_day as {{ dbt.type_string() }}) else '' end as stretch
    from stretches

),

named as (

    select
        force_code,
        measure,
        month_start,
        {{ joined_text("stretch") }} as deliveries,
        sum(deliveries) as delivery_count
    from worded
    group by all

),

final as (

    select
        changed.force_code,
        changed.measure,
        changed.month_start,
        cast(changed.value as decimal(38, 6)) as value,
        cast(changed.is_provisional as boolean) as is_provisional,
        cast(changed.is_removed as boolean) as is_removed,
        cast(named.deliveries as {{ dbt.type_string() }}) as deliveries,
        cast(coalesce(named.delivery_count, 0) as bigint) as delivery_count
    from changed
    left join named
        on {{ same_columns("changed", "named", key) }}

)

select * from final
