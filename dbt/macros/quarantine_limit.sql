{#- Condition: more than 1% of some rows were quarantined, so the figures counted from them are marked. -#}
{% macro exceeds_quarantine_limit(rows_quarantined, rows_read) -%}
    100 * {{ rows_quarantined }} > {{ rows_read }}
{%- endmacro %}

{#- Condition on a span of int_measure_span: its quarantined rows could matter to the figure. A share, if the span has its
    target or is wider than a tenth of the value; a count, if they are more than a tenth of it, or more than 1% of it and
    0.2% of its rows; a mean or percentile says little of rows that it lacks, so it is marked from 0.2% of its rows on.
    Fewer than five rows mark a figure only where its target is at stake, and a count of 0: of 16,848 figures of the
    sample they would mark 5% for rows that belong to others. -#}
{% macro could_matter(spans) -%}
    {{ spans }}.value is not null
    and {{ spans }}.rows_missing > 0
    and case
        when {{ spans }}.is_count
            then {{ spans }}.value = 0
            or (
                {{ spans }}.rows_missing >= 5
                and (
                    10 * {{ spans }}.rows_missing > abs({{ spans }}.value)
                    or (
                        100 * {{ spans }}.rows_missing > abs({{ spans }}.value)
                        and 500 * {{ spans }}.rows_missing > {{ spans }}.rows_possible
                    )
                )
            )
        when {{ spans }}.is_share
            then coalesce({{ spans }}.target between {{ spans }}.value_low and {{ spans }}.value_high, false)
            or (
                {{ spans }}.rows_missing >= 5
                and 10 * ({{ spans }}.value_high - {{ spans }}.value_low) > {{ spans }}.value
            )
        when {{ spans }}.is_sum then false
        else {{ spans }}.rows_missing >= 5 and 500 * {{ spans }}.rows_missing > {{ spans }}.rows_possible
    end
{%- endmacro %}
