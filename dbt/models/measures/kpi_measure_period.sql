{%- set key = ["force_code", "measure", "month_start", "period"] -%}
with

measure_periods as (select * from {{ ref("int_measure_period") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

quarantined as (select * from {{ ref("int_measure_quarantine") }}),

measure_rows as (select * from {{ ref("int_measure_row_monthly") }}),

periods as (select * from {{ ref("int_period") }}),

-- A row that is missing may add to such a figure or take from it.
differences as (

    select distinct measure
    from {{ ref("measure_parts") }}
    where weight < 0

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
        force_code,
        measure,
        month_start,
        period,
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
            when measure_periods.value is null or measures.method not in ('sum', 'ratio') then measure_periods.value
            else {{ figure_numerator("measure_periods") }}
        end as shown_numerator,
        case
            when measures.method in ('sum', 'ratio') then {{ figure_denominator("measure_periods") }}
            else 1
        end as shown_denominator,
        {{ is_sum() }} as is_sum,
        measures.method = 'ratio' and measures.unit = 'percent' as is_share,
        {{ is_sum() }} and measures.unit = 'count' and differences.measure is null as is_count,
        coalesce(quarantined.rows_quarantined, 0) as rows_quarantined,
        coalesce(quarantined.share_quarantined, 0) as share_quarantined,
        coalesce(quarantined.is_affected_by_quarantine, false) as is_above_limit,
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
            when is_count then value
            when is_share then {{ ratio("numerator * factor", "denominator + rows_missing") | indent(12) }}
        end as value_low,
        case
            when is_count then value + rows_missing
            when is_share
                then {{ ratio("(numerator + rows_missing) * factor", "denominator + rows_missing") | indent(16) }}
        end as value_high
    from figures

),

judged as (

    select
        *,
        is_above_limit or coalesce({{ could_matter("spans") }}, false) as is_affected_by_quarantine
    from spans

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(measure as {{ dbt.type_string() }}) as measure,
        cast(month_start as date) as month_start,
        cast(period as {{ dbt.type_string() }}) as period,
        cast(first_month as date) as first_month,
        cast(last_month as date) as last_month,
        cast(months as bigint) as months,
        cast(months_delivered as bigint) as months_delivered,
        {{ ratio("numerator", "numerator_divisor") }} as numerator,
        {{ ratio("denominator", "denominator_divisor") }} as denominator,
        cast(value as decimal(38, 6)) as value,
        cast(
            {{ display_value("shown_numerator", "unit", "decimals", "shown_denominator") | indent(12) }}
            as {{ dbt.type_string() }}
        ) as display_value,
        cast(mean_per_month as decimal(38, 6)) as mean_per_month,
        cast(mean_per_day as decimal(38, 6)) as mean_per_day,
        cast(days as bigint) as days,
        cast(days_loaded as bigint) as days_loaded,
        cast(is_provisional as boolean) as is_provisional,
        cast(share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded,
        cast(case when is_provisional then complete_since end as date) as complete_since,
        cast(rows_quarantined as bigint) as rows_quarantined,
        cast(share_quarantined as decimal(38, 6)) as share_quarantined,
        cast(is_affected_by_quarantine as boolean) as is_affected_by_quarantine,
        cast(case when is_affected_by_quarantine and value is not null then value_low end as decimal(38, 6))
            as value_low,
        cast(case when is_affected_by_quarantine and value is not null then value_high end as decimal(38, 6))
            as value_high,
        cast(
            case when is_affected_by_quarantine and not is_above_limit then possible_sources else affected_sources end
            as {{ dbt.type_string() }}
        ) as affected_sources,
        cast(columns_without_values as {{ dbt.type_string() }}) as columns_without_values
    from judged

)

select * from final
