{#- Figures are compared as whole trillionths, so that equal means equal. Which comparison reads which of them, and
    what makes it known, is said once, in `outcomes`. -#}
{%- set end_comparisons = "('rises', 'falls', 'improves', 'worsens')" -%}
{%- set yearly_comparisons = "('rises_year_on_year', 'falls_year_on_year')" -%}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

tests as (

    select * from {{ ref("int_statement_test") }}
    where kind = 'claim'

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

-- The months of a claim, and which of them it is about.
claim_months as (

    select
        tests.force_code,
        statement_months.*,
        statement_months.month_start = tests.stated_month as is_stated_month,
        statement_months.month_start = periods.first_month as is_first,
        statement_months.month_start = periods.last_month as is_last,
        case
            when statement_months.is_sum then statement_months.value_denominator * statement_months.days_in_month
            else statement_months.value_denominator
        end as rate_denominator
    from tests
    inner join statement_months
        on tests.test_key = statement_months.test_key
    inner join statement_periods as periods
        on
            statement_months.test_key = periods.test_key
            and statement_months.period = periods.period

),

-- Each month by itself; sums also per day, so that February compares with March.
valued as (

    select
        *,
        {{ trillionths("value_numerator", "value_denominator") }} as month_value,
        {{ trillionths("value_numerator", "rate_denominator") }} as rate
    from claim_months

),

-- Of the measure that the claim is about, over the period that it states.
own_months as (

    select * from valued
    where period = 'stated' and not is_other

),

unknown_measures as (

    select
        test_key,
        {{ joined_text("measure") }} as unknown
    from (
        select distinct
            test_key,
            measure
        from valued
        where not is_known
    ) as named
    group by test_key

),

-- The first and the last month of the period, and the month that the claim names.
ends as (

    select
        test_key,
        max(case when is_first and is_whole then rate end) as first_rate,
        max(case when is_last and is_whole then rate end) as last_rate,
        max(case when is_stated_month then month_value end) as stated_value,
        count(case when is_first and not is_whole then 1 end) > 0 as needs_first,
        count(case when is_last and not is_whole then 1 end) > 0 as needs_last
    from own_months
    group by test_key

),

-- The target in force in the last month of the period, or in the last that is loaded.
dated_targets as (

    select
        *,
        row_number() over (
            partition by test_key
            order by month_start desc nulls last
        ) as place
    from own_months
    where days_in_month is not null

),

targets as (

    select
        test_key,
        target
    from dated_targets
    where place = 1

),

sums as (

    select
        test_key,
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
        test_key,
        period,
        is_sum,
        is_additive

),

pooled as (

    select
        test_key,
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
        max(month_value) over (partition by test_key, measure, is_other) as greatest
    from valued
    where period = 'stated'

),

measure_peaks as (

    select
        test_key,
        measure,
        is_other,
        greatest,
        count(case when month_value is null then 1 end) as months_without_value,
        count(case when month_value = greatest then 1 end) as peak_months,
        min(case when month_value = greatest then month_start end) as peak_month,
        {{ joined_text("case when month_value = greatest then " ~ month_text("month_start") ~ " end") }} as peaks
    from ranked
    group by
        test_key,
        measure,
        is_other,
        greatest

),

peaks as (

    select
        test_key,
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
    group by test_key

),

month_totals as (

    select
        test_key,
        month_start,
        max(case when not is_other then month_value end) as own,
        sum(case when is_other then times * month_value end) as others
    from valued
    where period = 'stated'
    group by
        test_key,
        month_start
    -- Of every measure, or the month is not compared.
    having count(case when is_whole then month_value end) = count(*)

),

totals as (

    select
        test_key,
        count(others) as months_compared,
        count(case when own <> others then 1 end) as months_differing,
        sum(own) as own,
        sum(others) as others
    from month_totals
    group by test_key

),

charts as (

    select
        own_months.test_key,
        count(chart_months.variation) as points,
        count(chart_months.signal) as signals,
        {{ joined_text("case when chart_months.signal is not null then concat("
            ~ month_text("own_months.month_start") ~ ", ' (', chart_months.signal, ')') end") }} as signal_months,
        max(case when own_months.is_last then chart_months.mean end) as mean,
        max(case when own_months.is_last then chart_months.lower_limit end) as lower_limit,
        max(case when own_months.is_last then chart_months.upper_limit end) as upper_limit,
        count(case when own_months.is_last and chart_months.is_trial then 1 end) > 0 as is_trial
    from own_months
    inner join chart_months
        on
            own_months.force_code = chart_months.force_code
            and own_months.measure = chart_months.measure
            and own_months.month_start = chart_months.month_start
    group by own_months.test_key

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
        {{ trillionths("targets.target", "1") }} as target,
        {{ trillionths("tests.stated_number", "1") }} as compared_with,
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
        totals.months_compared,
        totals.months_differing,
        totals.own as own_total,
        totals.others as others_total,
        charts.points,
        coalesce(charts.signals, 0) as signals,
        charts.signal_months,
        charts.mean,
        charts.lower_limit,
        charts.upper_limit,
        charts.is_trial
    from tests
    {%- for joined in ["unknown_measures", "ends", "targets", "peaks", "totals", "charts"] %}
    left join {{ joined }}
        on tests.test_key = {{ joined }}.test_key
    {%- endfor %}
    {%- for joined, period, relation in [
        ("periods", "stated", "statement_periods"),
        ("base_periods", "base", "statement_periods"),
        ("stated", "stated", "pooled"),
        ("base", "base", "pooled"),
    ] %}
    left join {{ relation }} as {{ joined }}
        on
            tests.test_key = {{ joined }}.test_key
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
            -- What is left compares values of whole periods.
            when months_loaded < months then null
            when comparison = 'more_than' then period_value > compared_with
            when comparison = 'less_than' then period_value < compared_with
            when comparison = 'equals' then period_value = compared_with
            when base_months_loaded < base_months or (is_sum and months <> base_months) then null
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
            when comparison in {{ yearly_comparisons }}
                then case
                    when base_needed is not null and needed is not null then concat(base_needed, ', ', needed)
                    else coalesce(base_needed, needed)
                end
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
            else measure_decimals
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
