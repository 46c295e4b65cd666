{#- A view: publishing reads it when it records a publication. -#}
{{ config(materialized="view") }}
{%- set key = ["force_code", "measure", "month_start"] -%}
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
with

last_publication as (

    select coalesce(max(change_seq), 0) as change_seq
    from {{ source("audit", "publication") }}

),

versions as (

    select
        *,
        cast(row_number() over (
            partition by {{ key | join(", ") }}
            order by publication_no desc nulls last
        ) as bigint) as row_num
    from {{ source("audit", "figure_version") }}

),

published as (

    select * from versions
    where row_num = 1 and not is_removed

),

changed as (

    select
        {%- for column in key %}
        coalesce(figures.{{ column }}, published.{{ column }}) as {{ column }},
        {%- endfor %}
        figures.value,
        figures.is_provisional,
        figures.measure is null as is_removed
    from {{ ref("kpi_measure_monthly") }} as figures
    full outer join published
        on {{ same_columns("figures", "published", key) }}
    where
        figures.measure is null
        or published.measure is null
        or figures.value is distinct from published.value
        or figures.is_provisional <> published.is_provisional

),

months as (select distinct month_start from changed),

-- Days delivered, delivered again or withdrawn since. A delivery has events of its own month or the month before; one of
-- crimes may change any earlier month.
deliveries as (

    select
        months.month_start,
        loads.source,
        count(distinct loads.extract_date) as days,
        cast(min(loads.extract_date) as {{ dbt.type_string() }}) as first_day,
        cast(max(loads.extract_date) as {{ dbt.type_string() }}) as last_day
    from {{ source("audit", "load") }} as loads
    cross join last_publication
    inner join months
        on loads.extract_date >= months.month_start
    where
        loads.change_seq > last_publication.change_seq
        and (loads.extract_date < {{ date_plus("months.month_start", 2, "month") }} or loads.source = 'crimes')
        and (
            loads.status in ('loaded', 'empty')
            or (loads.status = 'replaced' and loads.first_change_seq <= last_publication.change_seq)
        )
    group by
        months.month_start,
        loads.source

),

of_measures as (

    select
        measure_sources.measure,
        deliveries.month_start,
        sum(deliveries.days) as days,
        {{ joined_text(
            "deliveries.source || ' ' || deliveries.first_day || case when deliveries.days > 1 then ' to '"
            " || deliveries.last_day || ' (' || cast(deliveries.days as " ~ dbt.type_string() ~ ") || ' days)' else '' end"
        ) }} as deliveries
    from deliveries
    inner join {{ ref("int_measure_source") }} as measure_sources
        on deliveries.source = measure_sources.source
    group by
        measure_sources.measure,
        deliveries.month_start

)

select
    changed.*,
    of_measures.deliveries,
    cast(coalesce(of_measures.days, 0) as bigint) as delivery_count
from changed
left join of_measures
    on {{ same_columns("changed", "of_measures", ["measure", "month_start"]) }}
