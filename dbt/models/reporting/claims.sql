{#- Figures are compared as whole trillionths, so that equal means equal. Which comparison reads which of them, and
    what makes it known, is said once, in `outcomes`. -#}
{%- set keys = ["force_code", "report_id", "statement_id", "test_no"] -%}
{%- set end_comparisons = "('rises', 'falls', 'improves', 'worsens')" -%}
{%- set yearly_comparisons = "('rises_year_on_year', 'falls_year_on_year')" -%}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

statements as (

    select * from {{ ref("int_published_statements_current") }}

),

statement_months as (

    select * from {{ ref("int_statement_month") }}

),

statement_periods as (

    select * from {{ ref("int_statement_period") }}

),

chart_months as (

    select * from {{ ref("kpi_measure_spc") }}

),

measures as (

    select * from {{ ref("measure_catalogue") }}

),

coded as (

    select
        statements.*,
        measures.unit as measure_unit,
        measures.decimals,
        measures.better,
        measures.measure is not null as is_known
    from statements
    left join measures
        on statements.measure = measures.measure
    where statements.kind = 'claim'

),

tests as (
    {{ printed_figures(
        "coded",
        text="threshold",
        unit="measure_unit",
        number="threshold_number",
        decimals="threshold_decimals",
    ) }}
),

-- Each month by itself; sums also per day, so that February compares with March.
valued as (

    select
        *,
        {{ trillionths("value_numerator", "value_denominator") }} as month_value,
        case
            when is_sum then {{ trillionths("value_numerator", "value_denominator * days_in_month") }}
            else {{ trillionths("value_numerator", "value_denominator") }}
        end as rate
    from statement_months

),

unknown_measures as (

    select
        {{ keys | join(", ") }},
        {{ joined_text("measure") }} as unknown
    from (
        select distinct
            {{ keys | join(", ") }},
            measure
        from valued
        where not is_known
    ) as named
    group by {{ keys | join(", ") }}

),

-- The first and the last month of the period, and the month that the claim names.
ends as (

    select
        valued.force_code,
        valued.report_id,
        valued.statement_id,
        valued.test_no,
        max(case when valued.month_start = periods.first_month and valued.is_whole then valued.rate end) as first_rate,
        max(case when valued.month_start = periods.last_month and valued.is_whole then valued.rate end) as last_rate,
        max(case when valued.month_start = tests.stated_month then valued.month_value end) as stated_value,
        max(case when valued.month_start = periods.first_month and not valued.is_whole then 1 else 0 end) = 1
            as needs_first,
        max(case when valued.month_start = periods.last_month and not valued.is_whole then 1 else 0 end) = 1
            as needs_last,
        max(case when valued.is_sum then 1 else 0 end) = 1 as is_sum
    from valued
    inner join statement_periods as periods
        on
            valued.force_code = periods.force_code
            and valued.report_id = periods.report_id
            and valued.statement_id = periods.statement_id
            and valued.test_no = periods.test_no
            and valued.period = periods.period
    inner join tests
        on
            valued.force_code = tests.force_code
            and valued.report_id = tests.report_id
            and valued.statement_id = tests.statement_id
            and valued.test_no = tests.test_no
    where valued.period = 'stated' and not valued.is_other
    group by
        valued.force_code,
        valued.report_id,
        valued.statement_id,
        valued.test_no

),

-- The target in force in the last month of the period, or in the last that is loaded.
dated_targets as (

    select
        *,
        row_number() over (
            partition by {{ keys | join(", ") }}
            order by month_start desc nulls last
        ) as place
    from valued
    where period = 'stated' and not is_other and days_in_month is not null

),

targets as (

    select
        {{ keys | join(", ") }},
        target
    from dated_targets
    where place = 1

),

sums as (

    select
        {{ keys | join(", ") }},
        period,
        is_sum,
        is_additive,
        count(*) as months,
        sum(value_numerator) as numerator,
        sum(value_denominator) as denominator,
        max(value_denominator) as greatest_denominator
    from valued
    where not is_other and is_whole
    group by
        {{ keys | join(", ") }},
        period,
        is_sum,
        is_additive

),

pooled as (

    select
        {{ keys | join(", ") }},
        period,
        case
            when is_sum then {{ trillionths("numerator", "greatest_denominator") }}
            when is_additive or months = 1 then {{ trillionths("numerator", "denominator") }}
        end as period_value
    from sums

),

ranked as (

    select
        *,
        max(month_value) over (
            partition by {{ keys | join(", ") }}, measure, is_other
        ) as greatest
    from valued
    where period = 'stated'

),

measure_peaks as (

    select
        {{ keys | join(", ") }},
        measure,
        is_other,
        max(greatest) as greatest,
        count(case when month_value is null then 1 end) as months_without_value,
        count(case when month_value = greatest then 1 end) as peak_months,
        min(case when month_value = greatest then month_start end) as peak_month,
        {{ joined_text("case when month_value = greatest then " ~ month_text("month_start") ~ " end") }} as peaks
    from ranked
    group by
        {{ keys | join(", ") }},
        measure,
        is_other

),

peaks as (

    select
        {{ keys | join(", ") }},
        max(case when not is_other then greatest end) as greatest,
        max(case when not is_other then peak_month end) as peak_month,
        max(case when not is_other then peaks end) as peaks,
        sum(months_without_value) as months_without_value,
        max(case when not is_other then peak_months end) as peak_months,
        max(peak_months) as most_peak_months,
        min(peak_month) as first_peak_month,
        max(peak_month) as last_peak_month,
        count(case when is_other then 1 end) as others,
        {{ joined_text("concat(measure, ' in ', peaks)") }} as peaks_by_measure
    from measure_peaks
    group by {{ keys | join(", ") }}

),

month_totals as (

    select
        {{ keys | join(", ") }},
        month_start,
        sum(case when not is_other then month_value end) as own,
        sum(case when is_other then times * month_value end) as others
    from valued
    where period = 'stated'
    group by
        {{ keys | join(", ") }},
        month_start
    -- Of every measure, or the month is not compared.
    having count(month_value) = count(*) and min(case when is_whole then 1 else 0 end) = 1

),

totals as (

    select
        {{ keys | join(", ") }},
        count(others) as months_compared,
        count(case when own <> others then 1 end) as months_differing,
        sum(own) as own,
        sum(others) as others
    from month_totals
    group by {{ keys | join(", ") }}

),

charts as (

    select
        valued.force_code,
        valued.report_id,
        valued.statement_id,
        valued.test_no,
        count(chart_months.variation) as points,
        count(chart_months.signal) as signals,
        {{ joined_text("case when chart_months.signal is not null then concat("
            ~ month_text("valued.month_start") ~ ", ' (', chart_months.signal, ')') end") }} as signal_months,
        max(case when valued.month_start = periods.last_month then chart_months.mean end) as mean,
        max(case when valued.month_start = periods.last_month then chart_months.lower_limit end) as lower_limit,
        max(case when valued.month_start = periods.last_month then chart_months.upper_limit end) as upper_limit,
        max(case when valued.month_start = periods.last_month and chart_months.is_trial then 1 else 0 end) = 1 as is_trial
    from valued
    inner join statement_periods as periods
        on
            valued.force_code = periods.force_code
            and valued.report_id = periods.report_id
            and valued.statement_id = periods.statement_id
            and valued.test_no = periods.test_no
            and valued.period = periods.period
    inner join chart_months
        on
            valued.force_code = chart_months.force_code
            and valued.measure = chart_months.measure
            and valued.month_start = chart_months.month_start
    where valued.period = 'stated' and not valued.is_other
    group by
        valued.force_code,
        valued.report_id,
        valued.statement_id,
        valued.test_no

),

gathered as (

    select
        tests.*,
        unknown_measures.unknown,
        periods.months,
        coalesce(periods.months_loaded, 0) as months_loaded,
        periods.loaded,
        periods.needed,
        base_periods.months as base_months,
        base_periods.months_loaded as base_months_loaded,
        base_periods.needed as base_needed,
        {{ months_text("periods.first_month", "periods.last_month") }} as period_text,
        {{ months_text("base_periods.first_month", "base_periods.last_month") }} as base_period_text,
        ends.first_rate,
        ends.last_rate,
        ends.stated_value,
        ends.needs_first,
        ends.needs_last,
        coalesce(ends.is_sum, false) as is_sum,
        {{ trillionths("targets.target", "1") }} as target,
        {{ trillionths("tests.threshold_number", "1") }} as compared_with,
        stated.period_value,
        base.period_value as base_period_value,
        peaks.greatest,
        peaks.peaks,
        peaks.peak_month,
        peaks.peak_months,
        peaks.months_without_value,
        peaks.most_peak_months,
        peaks.first_peak_month,
        peaks.last_peak_month,
        peaks.others,
        peaks.peaks_by_measure,
        coalesce(totals.months_compared, 0) as months_compared,
        coalesce(totals.months_differing, 0) as months_differing,
        totals.own as own_total,
        totals.others as others_total,
        coalesce(charts.points, 0) as points,
        coalesce(charts.signals, 0) as signals,
        charts.signal_months,
        charts.mean,
        charts.lower_limit,
        charts.upper_limit,
        charts.is_trial
    from tests
    {%- for joined in [
        "unknown_measures", "ends", "targets", "peaks", "totals", "charts",
    ] %}
    left join {{ joined }}
        on
            tests.force_code = {{ joined }}.force_code
            and tests.report_id = {{ joined }}.report_id
            and tests.statement_id = {{ joined }}.statement_id
            and tests.test_no = {{ joined }}.test_no
    {%- endfor %}
    {%- for joined, period, relation in [
        ("periods", "stated", "statement_periods"),
        ("base_periods", "base", "statement_periods"),
        ("stated", "stated", "pooled"),
        ("base", "base", "pooled"),
    ] %}
    left join {{ relation }} as {{ joined }}
        on
            tests.force_code = {{ joined }}.force_code
            and tests.report_id = {{ joined }}.report_id
            and tests.statement_id = {{ joined }}.statement_id
            and tests.test_no = {{ joined }}.test_no
            and {{ joined }}.period = '{{ period }}'
    {%- endfor %}

),

-- What each comparison finds: whether the claim holds, null while it is not known, and the two figures that decide.
outcomes as (

    select
        *,
        case
            when unknown is not null or months is null then null
            when comparison in {{ end_comparisons }} and months = 1 then null
            when comparison = 'rises' then last_rate > first_rate
            when comparison = 'falls' then last_rate < first_rate
            when comparison in ('improves', 'worsens')
                then case
                    when better = 'neither' then null
                    when (comparison = 'improves') = (better = 'higher') then last_rate > first_rate
                    else last_rate < first_rate
                end
            when comparison in ('peaks_in', 'peaks_with') and (months_loaded < months or months_without_value > 0) then null
            when comparison = 'peaks_in'
                then case
                    when stated_value is not null then peak_months = 1 and peak_month = stated_month
                end
            when comparison = 'peaks_with'
                then case
                    when others > 0 then most_peak_months = 1 and first_peak_month = last_peak_month
                end
            when comparison = 'within_benchmark' and better = 'lower' then period_value < target
            when comparison = 'within_benchmark' and better = 'higher' then period_value > target
            when comparison = 'is_stable'
                then case
                    when signals > 0 then false
                    when points = months then true
                end
            when comparison = 'is_the_sum_of'
                then case
                    when months_differing > 0 then false
                    when months_compared = months then true
                end
            when comparison in ('more_than', 'less_than', 'equals') and months_loaded < months then null
            when comparison = 'more_than' then period_value > compared_with
            when comparison = 'less_than' then period_value < compared_with
            when comparison = 'equals' then period_value = compared_with
            when comparison in {{ yearly_comparisons }} and (
                months_loaded < months or base_months_loaded < base_months or (is_sum and months <> base_months)
            ) then null
            when comparison = 'rises_year_on_year' then period_value > base_period_value
            when comparison = 'falls_year_on_year' then period_value < base_period_value
        end as holds,
        case
            when comparison in {{ end_comparisons }} then last_rate
            when comparison in ('peaks_in', 'peaks_with') then greatest
            when comparison = 'is_stable' then {{ trillionths("signals", "1") }}
            when comparison = 'is_the_sum_of' then own_total
            else period_value
        end as value_trillionths,
        case
            when comparison in {{ end_comparisons }} then first_rate
            when comparison = 'peaks_in' then stated_value
            when comparison = 'within_benchmark' then target
            when comparison = 'is_the_sum_of' then others_total
            when comparison in ('more_than', 'less_than', 'equals') then compared_with
            when comparison in {{ yearly_comparisons }} then base_period_value
        end as base_trillionths,
        case
            when not is_known then null
            when months is null then 'not stated'
            when comparison in {{ end_comparisons }}
                then case
                    when needs_first and needs_last
                        then concat({{ month_text("first_month") }}, ', ', {{ month_text("last_month") }})
                    when needs_first then {{ month_text("first_month") }}
                    when needs_last then {{ month_text("last_month") }}
                end
            when comparison in {{ yearly_comparisons }} and base_needed is not null
                then concat(base_needed, case when needed is not null then ', ' else '' end, coalesce(needed, ''))
            else needed
        end as months_needed
    from gathered

),

-- The figures as a paper prints them; those per day with a decimal.
scaled as (

    select
        *,
        case
            when measure_unit = 'duration' then 0
            when comparison in {{ end_comparisons }} and is_sum then 1
            else decimals
        end as shown_decimals
    from outcomes

),

rounded as (

    select
        *,
        {%- for figure in ["value", "base"] %}
        {{ rounded_quotient(figure ~ "_trillionths", "1000000000000", "(" ~ power_of_ten("shown_decimals") ~ ")") }}
            as {{ figure }}_units,
        {%- endfor %}
        {%- for figure in ["mean", "lower_limit", "upper_limit"] %}
        {{ rounded_quotient(figure, "1", "(" ~ power_of_ten("shown_decimals") ~ ")") }}
            as {{ figure }}_units{{ "," if not loop.last }}
        {%- endfor %}
    from scaled

),

worded as (

    select
        *,
        {%- for figure in ["value", "base", "mean", "lower_limit", "upper_limit"] %}
        {{ display_units(figure ~ "_units", "measure_unit", "shown_decimals") }} as {{ figure }}_text,
        {%- endfor %}
        case when is_sum then ' a day' else '' end as per_day
    from rounded

),

said as (

    select
        *,
        case
            when holds then 'supported'
            when not holds then 'contradicted'
            else 'not_testable'
        end as verdict,
        {{ claim_evidence(end_comparisons, yearly_comparisons) }} as evidence
    from worded

),

judged as (

    select
        *,
        max(case when verdict = 'contradicted' then 1 else 0 end) over (
            partition by force_code, report_id, statement_id
        ) = 1 as is_contradicted,
        max(case when verdict = 'not_testable' then 1 else 0 end) over (
            partition by force_code, report_id, statement_id
        ) = 1 as is_not_testable
    from said

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(report_id as {{ dbt.type_string() }}) as report_id,
        cast(statement_id as {{ dbt.type_string() }}) as statement_id,
        cast(test_no as bigint) as test_no,
        cast(published_on as date) as published_on,
        cast(statement as {{ dbt.type_string() }}) as statement,
        cast(section as {{ dbt.type_string() }}) as section,
        cast(measure as {{ dbt.type_string() }}) as measure,
        cast(comparison as {{ dbt.type_string() }}) as comparison,
        cast(first_month as date) as first_month,
        cast(last_month as date) as last_month,
        cast(verdict as {{ dbt.type_string() }}) as verdict,
        cast(case
            when is_contradicted then 'contradicted'
            when is_not_testable then 'not_testable'
            else 'supported'
        end as {{ dbt.type_string() }}) as claim_verdict,
        {{ ratio("value_trillionths", "1000000000000") }} as value,
        {{ ratio("base_trillionths", "1000000000000") }} as base_value,
        cast(months_loaded as bigint) as months_loaded,
        cast(months as bigint) as months_in_period,
        cast(months_needed as {{ dbt.type_string() }}) as months_needed,
        cast(evidence as {{ dbt.type_string() }}) as evidence,
        cast(months_needed is not null as boolean) as is_provisional
    from judged

)

select * from final
