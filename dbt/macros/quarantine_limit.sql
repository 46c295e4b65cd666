{#- Condition: more than 1% of some rows were quarantined, so the figures counted from them are marked. -#}
{% macro exceeds_quarantine_limit(rows_quarantined, rows_read) -%}
    100 * {{ rows_quarantined }} > {{ rows_read }}
{%- endmacro %}

{#- Condition on a span of kpi_measure_period: its quarantined rows could matter to the figure. Of a share, the span has
    its target or is wider than a tenth of the value; a mean or percentile says little of rows that it lacks, so it is
    marked from 0.2% of its rows on. Fewer than five rows mark a figure only where its target is at stake. -#}
{% macro could_matter(spans) -%}
    {{ spans }}.value is not null
    and {{ spans }}.rows_missing > 0
    and not {{ spans }}.is_sum
    and case
        when {{ spans }}.is_share
            then coalesce({{ spans }}.target between {{ spans }}.value_low and {{ spans }}.value_high, false)
            or (
                {{ spans }}.rows_missing >= 5
                and 10 * ({{ spans }}.value_high - {{ spans }}.value_low) > {{ spans }}.value
            )
        else {{ spans }}.rows_missing >= 5 and 500 * {{ spans }}.rows_missing > {{ spans }}.rows_possible
    end
{%- endmacro %}
