with

quarantined as (select * from {{ ref("int_measure_quarantine") }}),

measure_rows as (select * from {{ ref("int_measure_row_monthly") }}),

measure_periods as (select * from {{ ref("int_measure_period") }}),

measure_months as (select * from {{ ref("int_measure_monthly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

parts as (select * from {{ ref("measure_parts") }}),

periods as (select * from {{ ref("int_period") }}),

-- Rows that could belong to a figure, and those of them that were quarantined.
possible as (

    select
        measure_rows.force_code,
        measure_rows.measure,
        periods.month_start,
        periods.period,
        sum(measure_rows.rows_read) as rows_read,
        sum(measure_rows.rows_quarantined) as rows_quarantined
    from periods
    inner join measure_rows
        on measure_rows.month_start between periods.first_month and periods.last_month
    group by all

),

possible_sources as (

    select
        measure_rows.force_code,
        measure_rows.measure,
        periods.month_start,
        periods.period,
        measure_rows.source
    from periods
    inner join measure_rows
        on measure_rows.month_start between periods.first_month and periods.last_month
    where measure_rows.rows_quarantined > 0
    group by all

),

named_sources as (

    select
        force_code,
        measure,
        month_start,
        period,
        {{ joined_text("source") }} as sources
    from possible_sources
    group by all

),

-- A row that is missing may add to such a figure or take from it.
differences as (

    select measure
    from parts
    where weight < 0
    group by measure

),

-- The quotient if none of the quarantined rows counts in the numerator, and if all of them do.
spans as (

    select
        quarantined.force_code,
        quarantined.measure,
        quarantined.month_start,
        quarantined.period,
        quarantined.rows_quarantined,
        quarantined.share_quarantined,
        quarantined.is_affected_by_quarantine as is_above_limit,
        quarantined.affected_sources,
        named_sources.sources as possible_sources,
        coalesce(possible.rows_read, 0) as rows_possible,
        coalesce(possible.rows_quarantined, 0) as rows_missing,
        measure_periods.value,
        measure_months.target,
        {{ is_sum() }} as is_sum,
        not ({{ is_sum() }}) and measures.unit = 'percent' as is_share,
        case
            when {{ is_sum() }} and measures.unit = 'count' and differences.measure is null
                then measure_periods.value
            when not ({{ is_sum() }}) and measures.unit = 'percent'
                then {{ ratio(
                    "measure_periods.numerator * measures.factor",
                    "measure_periods.denominator + coalesce(possible.rows_quarantined, 0)",
                ) | indent(20) }}
        end as value_low,
        case
            when {{ is_sum() }} and measures.unit = 'count' and differences.measure is null
                then measure_periods.value + coalesce(possible.rows_quarantined, 0)
            when not ({{ is_sum() }}) and measures.unit = 'percent'
                then {{ ratio(
                    "(measure_periods.numerator + coalesce(possible.rows_quarantined, 0)) * measures.factor",
                    "measure_periods.denominator + coalesce(possible.rows_quarantined, 0)",
                ) | indent(20) }}
        end as value_high
    from quarantined
    inner join measures
        on quarantined.measure = measures.measure
    left join differences
        on quarantined.measure = differences.measure
    left join possible
        on quarantined.force_code = possible.force_code
        and quarantined.measure = possible.measure
        and quarantined.month_start = possible.month_start
        and quarantined.period = possible.period
    left join named_sources
        on quarantined.force_code = named_sources.force_code
        and quarantined.measure = named_sources.measure
        and quarantined.month_start = named_sources.month_start
        and quarantined.period = named_sources.period
    left join measure_periods
        on quarantined.force_code = measure_periods.force_code
        and quarantined.measure = measure_periods.measure
        and quarantined.month_start = measure_periods.month_start
        and quarantined.period = measure_periods.period
    left join measure_months
        on quarantined.force_code = measure_months.force_code
        and quarantined.measure = measure_months.measure
        and quarantined.month_start = measure_months.month_start

),

judged as (

    select
        *,
        coalesce({{ could_matter("spans") }}, false) as could_matter
    from spans

),

final as (

    select
        force_code,
        measure,
        month_start,
        period,
        rows_quarantined,
        share_quarantined,
        is_above_limit or could_matter as is_affected_by_quarantine,
        case when could_matter and not is_above_limit then possible_sources else affected_sources end
            as affected_sources,
        case when (is_above_limit or could_matter) and value is not null then cast(value_low as decimal(38, 6)) end
            as value_low,
        case when (is_above_limit or could_matter) and value is not null then cast(value_high as decimal(38, 6)) end
            as value_high
    from judged

)

select * from final
