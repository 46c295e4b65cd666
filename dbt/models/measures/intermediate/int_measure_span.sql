{%- set key = ["force_code", "measure", "month_start", "period"] -%}
with

measure_periods as (select * from {{ ref("int_measure_period") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

source_quarantine as (select * from {{ ref("kpi_quarantine_period") }}),

measure_sources as (select * from {{ ref("int_measure_source") }}),

measure_rows as (select * from {{ ref("int_measure_row_monthly") }}),

periods as (select * from {{ ref("int_period") }}),

-- A row that is missing may add to such a figure or take from it.
differences as (

    select distinct measure
    from {{ ref("measure_parts") }}
    where weight < 0

),

-- Quarantined rows of the sources of a figure.
quarantined as (

    select
        source_quarantine.force_code,
        measure_sources.measure,
        source_quarantine.month_start,
        source_quarantine.period,
        sum(source_quarantine.rows_quarantined) as rows_quarantined,
        max(source_quarantine.share_quarantined) as share_quarantined,
        {{ joined_text("case when source_quarantine.is_affected_by_quarantine then source_quarantine.source end") }}
            as affected_sources
    from source_quarantine
    inner join measure_sources
        on source_quarantine.source = measure_sources.source
    group by all

),

-- Rows that could belong to a figure, and those of them that were quarantined.
possible_of_sources as (

    select
        measure_rows.force_code,
        measure_rows.measure,
        periods.month_start,
        periods.period,
        measure_rows.source,
        sum(measure_rows.rows_read) as rows_read,
        sum(measure_rows.rows_quarantined) as rows_quarantined
    from periods
    inner join measure_rows
        on measure_rows.month_start between periods.first_month and periods.last_month
    group by all

),

possible as (

    select
        {{ key | join(",\n        ") }},
        sum(rows_read) as rows_possible,
        sum(rows_quarantined) as rows_missing,
        {{ joined_text("case when rows_quarantined > 0 then source end") }} as sources
    from possible_of_sources
    group by all

),

figures as (

    select
        measure_periods.*,
        measures.unit,
        measures.decimals,
        measures.factor,
        measures.numerator_divisor,
        measures.denominator_divisor,
        case
            when measures.method in ('sum', 'ratio') and measure_periods.value is not null
                then {{ figure_numerator("measure_periods") }}
            else measure_periods.value
        end as shown_numerator,
        case when measures.method in ('sum', 'ratio') then {{ figure_denominator("measure_periods") }} else 1 end
            as shown_denominator,
        measures.method = 'ratio' and measures.unit = 'percent' as is_share,
        {{ is_sum() }} and measures.unit = 'count' as is_count,
        differences.measure is not null as has_difference,
        {{ is_sum() }} as is_sum,
        cast(coalesce(quarantined.rows_quarantined, 0) as bigint) as rows_quarantined,
        cast(coalesce(quarantined.share_quarantined, 0) as decimal(38, 6)) as share_quarantined,
        quarantined.affected_sources,
        coalesce(possible.rows_possible, 0) as rows_possible,
        coalesce(possible.rows_missing, 0) as rows_missing,
        possible.sources as possible_sources
    from measure_periods
    inner join measures
        on measure_periods.measure = measures.measure
    left join differences
        on measure_periods.measure = differences.measure
    left join quarantined
        on {{ same_columns("measure_periods", "quarantined", key) }}
    left join possible
        on {{ same_columns("measure_periods", "possible", key) }}

),

-- The figure if none of the quarantined rows counts in it, and if all of them do.
spans as (

    select
        *,
        case
            when is_count and has_difference then value - rows_missing
            when is_count then value
            when is_share then {{ ratio("numerator * factor", "denominator + rows_missing") | indent(12) }}
        end as value_low,
        case
            when is_count then value + rows_missing
            when is_share
                then {{ ratio("(numerator + rows_missing) * factor", "denominator + rows_missing") | indent(16) }}
        end as value_high
    from figures

)

select
    force_code,
    measure,
    month_start,
    period,
    first_month,
    last_month,
    months,
    months_delivered,
    {{ ratio("numerator", "numerator_divisor") }} as numerator,
    {{ ratio("denominator", "denominator_divisor") }} as denominator,
    value,
    {{ display_value("shown_numerator", "unit", "decimals", "shown_denominator") }} as display_value,
    mean_per_month,
    mean_per_day,
    days,
    days_loaded,
    is_provisional,
    share_of_days_loaded,
    complete_since,
    target,
    is_sum,
    is_count,
    is_share,
    rows_possible,
    rows_missing,
    rows_quarantined,
    share_quarantined,
    cast(value_low as decimal(38, 6)) as value_low,
    cast(value_high as decimal(38, 6)) as value_high,
    affected_sources,
    possible_sources,
    columns_without_values
from spans
