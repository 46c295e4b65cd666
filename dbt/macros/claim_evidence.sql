{#-
    What the mart claims says of a test in a sentence: the figures that decide it as a paper prints them, or, where they
    are not there, what is missing. It reads the columns of the mart's CTE `worded`. `ends` lists the comparisons of the
    first month with the last, `yearly` those of a year with the year before.
-#}
{% macro claim_evidence(ends, yearly) %}
    case
        when unknown is not null then concat('The catalogue has no measure ', unknown, '.')
        when holds is null
            then case
                when months is null then 'The paper states no period.'
                when months_needed is not null then concat('Not loaded: ', months_needed, '.')
                when comparison in {{ ends }} and months = 1 then 'The period has one month only.'
                when comparison in ('improves', 'worsens', 'within_benchmark') and better = 'neither'
                    then 'Neither direction of the measure is better.'
                when comparison = 'within_benchmark' and target is null then 'No target is in force.'
                when comparison in ('peaks_with', 'is_the_sum_of') and others = 0
                    then 'No other measure is named.'
                when comparison in ('more_than', 'less_than', 'equals') and compared_with is null
                    then 'No threshold in the unit of the measure is stated.'
                when comparison in {{ yearly }} and is_sum and months <> base_months
                    then 'The periods differ in length.'
                when comparison = 'peaks_in' and stated_value is null
                    then concat({{ month_text("stated_month") }}, ' is not in the period.')
                else 'The warehouse has no figure to compare.'
            end
        when comparison in {{ ends }}
            then concat(
                base_text, per_day, ' in ', {{ month_text("first_month") }}, ', ',
                value_text, per_day, ' in ', {{ month_text("last_month") }},
                case when comparison in ('improves', 'worsens') then concat('; ', better, ' is better.') else '.' end
            )
        when comparison = 'peaks_in'
            then concat(
                'Greatest in ', peaks, ' (', value_text, ')',
                case
                    when peak_month = stated_month and peak_months = 1 then '.'
                    else concat('; ', base_text, ' in ', {{ month_text("stated_month") }}, '.')
                end
            )
        when comparison = 'peaks_with' then concat('Greatest: ', peaks_by_measure, '.')
        when comparison = 'within_benchmark'
            then concat(
                value_text, ' over ', loaded,
                case
                    when months_loaded < months
                        then concat(
                            ', ', cast(months_loaded as {{ dbt.type_string() }}), ' of the ',
                            cast(months as {{ dbt.type_string() }}), ' months'
                        )
                    else ''
                end,
                case when better = 'lower' then '; the target is under ' else '; the target is above ' end,
                base_text, '.'
            )
        when comparison = 'is_stable'
            then concat(
                case
                    when signals > 0 then concat('Signals: ', signal_months)
                    else concat('No signal in ', cast(months as {{ dbt.type_string() }}), ' months')
                end,
                case
                    when upper_limit_text is not null
                        then concat('; mean ', mean_text, ', limits ', lower_limit_text, ' to ', upper_limit_text)
                    else ''
                end,
                case when is_trial then ', for trial.' else '.' end
            )
        when comparison = 'is_the_sum_of'
            then concat(
                case
                    when months_differing = 0 then 'Equal'
                    else concat('Differs in ', cast(months_differing as {{ dbt.type_string() }}))
                end,
                case when months_differing = 0 then ' in ' else ' of ' end,
                cast(months_compared as {{ dbt.type_string() }}), ' months; together ',
                value_text, ' against ', base_text, '.'
            )
        when comparison in {{ yearly }}
            then concat(value_text, ' over ', period_text, ', ', base_text, ' over ', base_period_text, '.')
        else concat(value_text, ' over ', period_text, '; compared with ', base_text, '.')
    end
{%- endmacro %}
