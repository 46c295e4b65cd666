{#- Models of events or sums by month that rebuild from the first month on that a pending load changed.

    What an event adds to a month is known from `chg_months`: the months in which any row of a changed key ever
    counted, and the days whose delivery came, was rejected or is missing. All that is older stays as it is, so that a
    night costs the same after ten years as after one. From that month on instead of those months alone, because what
    is compared with earlier months changes with them, and because the first month is one date in the query, which lets
    the engine leave older rows unread.

    `sources` are all whose events the model reads. A model that reads no event, but what others made of them, is small
    and a table. -#}

{#- First changed month as a date for a query. In a full build, which has no such month, nobody asks. -#}
{% macro first_changed_month(sources) %}
    {%- set query -%}
select min(first_month) from {{ ref("chg_months") }} where source in ('{{ sources | join("', '") }}')
    {%- endset -%}
    {%- set first_month = run_query(query).columns[0].values()[0] if execute -%}
    {#- Nothing is changed after a build whose publication failed: then no month is rebuilt. -#}
    cast('{{ first_month or "9999-12-01" }}' as date)
{%- endmacro %}

{#- Pre-hook: delete from the model's table what is to be rebuilt. -#}
{% macro delete_changed_months(column, sources) %}
    {#- Outside the condition, since dbt takes a dependency only from a ref that it sees while parsing. -#}
    {%- set changed_months = ref("chg_months") -%}
    {%- if is_incremental() %}
delete from {{ this }} where {{ column }} >= {{ first_changed_month(sources) }}
    {%- endif -%}
{% endmacro %}

{#- Condition after `keyword` (where, and) for the rows to be rebuilt; nothing in a first or full build. `column` is a
    month or a day. -#}
{% macro in_changed_months(keyword, column, sources) %}
    {%- if is_incremental() %}
{{ keyword }} {{ column }} >= {{ first_changed_month(sources) }}
    {%- endif -%}
{% endmacro %}
