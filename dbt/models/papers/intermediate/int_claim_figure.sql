{#- Figures are compared as whole trillionths, so that equality is exact. -#}
{%- set rate_denominator =
    "statement_months.value_denominator * case when statement_months.is_sum then statement_months.days_in_month else 1 end"
-%}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

tests as (

    select * from {{ ref("int_statement_test") }}
    where kind = 'claim'

),

statement_months as (select * from {{ ref("int_statement_month") }}),

statement_periods as (select * from {{ ref("int_statement_period") }}),

may_be_negative as (

    select distinct measure
    from {{ ref("measure_parts") }}
    where role = 'numerator' and weight < 0

),

-- The months of a claim: each by itself; sums also per day, so that February compares with March.
valued as (

    select
        statement_months.*,
        statement_months.month_start = tests.stated_month as is_stated_month,
        statement_months.month_start = periods.first_month as is_first,
        statement_months.month_start = periods.last_month as is_last,
        {{ trillionths("statement_months.value_numerator", "statement_months.value_denominator") }} as month_value,
        {{ trillionths("statement_months.value_numerator", "(" ~ rate_denominator ~ ")") }} as rate
    from tests
    inner join statement_months
        on tests.test_key = statement_months.test_key
    inner join statement_periods as periods
        on {{ same_columns("statement_months", "periods", ["test_key", "period"]) }}

),

-- Of the measure that the claim is about, over the period that it states.
own_months as (

    select
        *,
        max(case when days_in_month is not null then month_start end) over (partition by test_key) as last_known_month
    from valued
    where period = 'stated' and not is_other

),

named_once as (

    select
        test_key,
        measure,
        is_known,
        max(case when period = 'stated' and is_other then 1 else 0 end) as is_other
    from valued
    group by all

),

named as (

    select
        test_key,
        {{ joined_text("case when not is_known then measure end") }} as unknown,
        max(is_other) = 1 as has_others
    from named_once
    group by test_key

),

-- The first and the last month of the period, and the month that the claim names. The target is that in force in the last
-- month, or in the last that is loaded.
ends as (

    select
        test_key,
        max(case when is_first and is_whole then rate end) as first_rate,
        max(case when is_last and is_whole then rate end) as last_rate,
        max(case when is_stated_month and is_compared then month_value end) as stated_value,
        max(case when month_start = last_known_month then target end) as target,
        count(case when is_first and not is_whole then 1 end) > 0 as needs_first,
        count(case when is_last and not is_whole then 1 end) > 0 as needs_last
    from own_months
    group by test_key

),

-- A value that is not a quotient of sums, such as a median, cannot be combined over several months.
sums as (

    select
        test_key,
        period,
        is_sum,
        is_additive,
        count(*) as months,
        sum(case when is_compared then value_numerator end) as numerator,
        sum(case when is_compared then value_denominator end) as denominator,
        max(case when is_compared then value_denominator end) as greatest_denominator
    from valued
    where not is_other
    group by all

),

pooled as (

    select
        test_key,
        period,
        months = 1 or is_additive as has_period_value,
        case
            when is_sum then {{ trillionths("numerator", "greatest_denominator") }}
            when is_additive or months = 1 then {{ trillionths("numerator", "denominator") }}
        end as period_value
    from sums

),

compared as (

    select
        *,
        max(month_value) over (partition by test_key, measure, is_other) as greatest
    from valued
    where period = 'stated' and is_compared

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
    from compared
    group by all

),

peaks as (

    select
        test_key,
        max(case when not is_other then greatest end) as greatest,
        max(case when not is_other then peak_months end) as peak_months,
        sum(months_without_value) as months_without_value,
        max(case when not is_other then months_without_value end) as own_months_without_value,
        max(peak_months) as most_peak_months,
        min(peak_month) as first_peak_month,
        max(peak_month) as last_peak_month,
        max(case when not is_other then measure || ' ' || peaks end) as own_peaks,
        {{ joined_text("measure || ' ' || peaks") }} as all_peaks
    from measure_peaks
    group by test_key

),

month_totals as (

    select
        test_key,
        month_start,
        max(case when not is_other then month_value end) as own,
        sum(case when is_other then times * month_value end) as others
    from compared
    group by all
    -- Of every measure, or the month is not compared.
    having count(month_value) = count(*)

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

final as (

    select
        tests.*,
        named.unknown,
        periods.months,
        coalesce(periods.months_loaded, 0) as months_loaded,
        periods.loaded,
        periods.needed,
        base_periods.months as base_months,
        base_periods.months_loaded as base_months_loaded,
        base_periods.loaded as base_loaded,
        base_periods.needed as base_needed,
        may_be_negative.measure is null as is_never_negative,
        ends.first_rate,
        ends.last_rate,
        ends.stated_value,
        ends.needs_first,
        ends.needs_last,
        {{ trillionths("ends.target", "1") }} as target,
        {{ trillionths("tests.stated_number", "1") }} as compared_with,
        stated.has_period_value,
        stated.period_value,
        base.period_value as base_period_value,
        peaks.greatest,
        peaks.peak_months,
        peaks.months_without_value,
        peaks.own_months_without_value,
        peaks.most_peak_months,
        peaks.first_peak_month,
        peaks.last_peak_month,
        peaks.own_peaks,
        peaks.all_peaks,
        coalesce(named.has_others, false) as has_others,
        totals.months_compared,
        totals.months_differing,
        totals.own as own_total,
        totals.others as others_total
    from tests
    left join may_be_negative
        on tests.measure = may_be_negative.measure
    {%- for joined in ["named", "ends", "peaks", "totals"] %}
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

)

select * from final
