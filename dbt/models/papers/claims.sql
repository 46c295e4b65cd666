{#- `outcomes` defines which figures each comparison reads; `tested` decides whether months that are not loaded
    could change the outcome. A month with a missing day counts as not loaded. -#}
{%- set end_comparisons = "('improves', 'worsens')" -%}
{%- set peak_comparisons = "('peaks_in', 'peaks_with')" -%}
{%- set threshold_comparisons = "('more_than', 'less_than', 'equals')" -%}
{%- set yearly_comparisons = "('rises_year_on_year', 'falls_year_on_year')" -%}
{%- set period_comparisons =
    "('within_benchmark', 'more_than', 'less_than', 'equals', 'rises_year_on_year', 'falls_year_on_year')"
-%}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

figures as (select * from {{ ref("int_claim_figure") }}),

-- Result of each comparison in the loaded months: whether the claim is true, null where they do not decide it, and the
-- two deciding figures.
outcomes as (

    select
        *,
        case
            when unknown is not null or months is null then null
            when comparison in {{ end_comparisons }} and months = 1 then null
            when comparison in {{ end_comparisons }}
                then case
                    when better = 'neither' then null
                    when (comparison = 'improves') = (better = 'higher') then last_rate > first_rate
                    else last_rate < first_rate
                end
            -- A single month is not a peak.
            when comparison in {{ peak_comparisons }} and months_loaded < 2 then null
            when comparison = 'peaks_in'
                then case
                    when stated_value < greatest or (stated_value = greatest and peak_months > 1) then false
                    when stated_value = greatest and own_months_without_value = 0 then true
                end
            when comparison = 'peaks_with'
                then case
                    when has_others and months_without_value = 0
                        then most_peak_months = 1 and first_peak_month = last_peak_month
                end
            when comparison = 'within_benchmark' then {{ is_target_met("period_value", "target") }}
            when comparison = 'is_the_sum_of'
                then case
                    when months_differing > 0 then false
                    when months_compared = months_loaded then true
                end
            -- A total of some months only shows that the whole is larger, and only where every month adds to it.
            when comparison in {{ threshold_comparisons }} and is_sum and months_loaded < months
                then case
                    when is_never_negative and period_value > compared_with then comparison = 'more_than'
                    when is_never_negative and period_value = compared_with and comparison = 'less_than' then false
                end
            when comparison = 'more_than' then period_value > compared_with
            when comparison = 'less_than' then period_value < compared_with
            when comparison = 'equals' then period_value = compared_with
            when months_loaded < months or base_months_loaded < base_months then null
            when is_sum and months <> base_months then null
            when comparison = 'rises_year_on_year' then period_value > base_period_value
            when comparison = 'falls_year_on_year' then period_value < base_period_value
        end as holds,
        case
            when comparison = 'is_stable' then null
            when comparison in {{ end_comparisons }} then last_rate
            when comparison in {{ peak_comparisons }} then greatest
            when comparison = 'is_the_sum_of' then own_total
            else period_value
        end as value_trillionths,
        case
            when comparison in {{ end_comparisons }} then first_rate
            when comparison = 'peaks_in' then stated_value
            when comparison = 'within_benchmark' then target
            when comparison = 'is_the_sum_of' then others_total
            when comparison in {{ threshold_comparisons }} then compared_with
            when comparison in {{ yearly_comparisons }} then base_period_value
        end as base_trillionths,
        case
            when comparison in {{ end_comparisons }} then case when last_rate is not null then {{ month_text("last_month") }} end
            else loaded
        end as value_months,
        case
            when comparison in {{ end_comparisons }}
                then case when first_rate is not null then {{ month_text("first_month") }} end
            when comparison = 'peaks_in' then {{ month_text("stated_month") }}
            when comparison in {{ yearly_comparisons }} then base_loaded
        end as base_value_months,
        case
            when not is_known then null
            when months is null then 'not stated'
            when comparison in {{ end_comparisons }}
                then case
                    when needs_first and needs_last
                        then {{ month_text("first_month") }} || ', ' || {{ month_text("last_month") }}
                    when needs_first then {{ month_text("first_month") }}
                    when needs_last then {{ month_text("last_month") }}
                end
            when comparison in {{ yearly_comparisons }}
                then case
                    when base_needed is not null and needed is not null then base_needed || ', ' || needed
                    else coalesce(base_needed, needed)
                end
            else needed
        end as months_needed
    from figures

),

-- Each further month can end a peak or a sum, but cannot restore one. Shares and totals can still
-- change either way.
tested as (

    select
        *,
        case
            when holds and months_needed is null then 'supported'
            when holds then 'supported_so_far'
            when not holds and months_needed is null then 'contradicted'
            when not holds and comparison in ('peaks_in', 'is_the_sum_of') then 'contradicted'
            when not holds and comparison in {{ threshold_comparisons }} and is_sum then 'contradicted'
            else 'not_testable'
        end as verdict
    from outcomes

),

-- Why there is no verdict: first reasons that no delivery can resolve, then missing data.
explained as (

    select
        *,
        case
            when verdict <> 'not_testable' then null
            when unknown is not null then 'unknown_measure'
            when months is null then 'no_period'
            when comparison = 'is_stable' then 'not_tested'
            when comparison in {{ end_comparisons }} and months = 1 then 'one_month'
            when comparison in ('improves', 'worsens', 'within_benchmark') and better = 'neither' then 'no_direction'
            when comparison in ('peaks_with', 'is_the_sum_of') and not has_others then 'no_other_measure'
            when comparison in {{ threshold_comparisons }} and compared_with is null then 'no_threshold'
            when comparison = 'peaks_in' and not stated_month between first_month and last_month
                then 'month_outside_period'
            when comparison in {{ peak_comparisons }} and months = 1 then 'one_month'
            when comparison in {{ period_comparisons }} and not has_period_value then 'not_additive'
            when comparison in {{ yearly_comparisons }} and is_sum and months <> base_months
                then 'periods_differ'
            when comparison = 'within_benchmark' and target is null and months_loaded > 0 then 'no_target'
            when months_needed is not null then 'months_not_loaded'
            else 'no_figure'
        end as reason_code
    from tested

),

judged as (

    select
        *,
        {%- for verdict in ["contradicted", "not_testable", "supported_so_far"] %}
        max(case when verdict = '{{ verdict }}' then 1 else 0 end) over (
            partition by force_code, report_id, statement_id
        ) = 1 as has_{{ verdict }}{{ "," if not loop.last }}
        {%- endfor %}
    from explained

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
            when has_contradicted then 'contradicted'
            when has_not_testable then 'not_testable'
            when has_supported_so_far then 'supported_so_far'
            else 'supported'
        end as {{ dbt.type_string() }}) as claim_verdict,
        cast(reason_code as {{ dbt.type_string() }}) as reason_code,
        {{ from_trillionths("value_trillionths") }} as value,
        {{ from_trillionths("base_trillionths") }} as base_value,
        cast(value_months as {{ dbt.type_string() }}) as value_months,
        cast(base_value_months as {{ dbt.type_string() }}) as base_value_months,
        cast(months_loaded as bigint) as months_loaded,
        cast(months as bigint) as months_in_period,
        cast(months_needed as {{ dbt.type_string() }}) as months_needed,
        cast(case
            when comparison = 'peaks_in' then own_peaks
            when comparison = 'peaks_with' then all_peaks
        end as {{ dbt.type_string() }}) as peaks,
        cast(case when comparison = 'is_the_sum_of' then months_differing end as bigint) as months_differing,
        cast(unknown as {{ dbt.type_string() }}) as unknown_measures,
        -- A sentence about the columns above, written at publication.
        cast(null as {{ dbt.type_string() }}) as evidence,
        cast(months_needed is not null as boolean) as is_provisional
    from judged

)

select * from final
