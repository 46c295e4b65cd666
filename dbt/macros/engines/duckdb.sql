{#- On DuckDB: the macros that differ between engines. The heading names the file in macros/ that explains them. -#}

{#- local_time.sql -#}

{% macro duckdb__local_timestamp(utc) -%}
    timezone({{ local_time_zone() }}, timezone('UTC', {{ utc }}))
{%- endmacro %}

{% macro duckdb__utc_timestamp(local) -%}
    timezone('UTC', timezone({{ local_time_zone() }}, {{ local }}))
{%- endmacro %}

{#- display_value.sql -#}

{% macro duckdb__thousands(whole) %}{{ return("format('{:,}', " ~ whole ~ ")") }}{% endmacro %}

{#- list_items.sql -#}

{% macro duckdb__list_items(text) -%}
    unnest(string_split({{ text }}, ','))
{%- endmacro %}

{#- elapsed.sql -#}

{% macro duckdb__microseconds(utc) -%}
    epoch_us({{ utc }})
{%- endmacro %}

{% macro duckdb__days_between(earlier, later) -%}
    cast({{ later }} - {{ earlier }} as bigint)
{%- endmacro %}

{#- ratio.sql -#}

{% macro duckdb__big_integer() %}{{ return('hugeint') }}{% endmacro %}

{% macro duckdb__int_div(dividend, divisor) %}
    {%- do return('divide(' ~ dividend ~ ', nullif(' ~ divisor ~ ', 0))') -%}
{% endmacro %}

{#- calendar.sql -#}

{% macro duckdb__date_plus(day, amount, unit) -%}
    cast({{ day }} + ({{ amount }}) * interval 1 {{ unit }} as date)
{%- endmacro %}

{% macro duckdb__day_of_week(day) -%}
    isodow({{ day }})
{%- endmacro %}

{% macro duckdb__whole_numbers(first, last) -%}
    unnest(range({{ first }}, {{ last }} + 1))
{%- endmacro %}

{#- joined_text.sql -#}

{% macro duckdb__joined_text(text) -%}
    string_agg({{ text }}, ', ' order by {{ text }} asc nulls last)
{%- endmacro %}

{#- drop_leftovers.sql -#}

{% macro duckdb__existing_relations(schemas) %}
    {%- set relations %}
select database_name, schema_name, table_name, 'table' as type from duckdb_tables()
union all
select database_name, schema_name, view_name, 'view' as type from duckdb_views() where not internal
    {%- endset %}
    {{ return(run_query(relations).rows | selectattr("schema_name", "in", schemas) | list) }}
{% endmacro %}

{% macro duckdb__with_files() %}{% endmacro %}

{#- generate_schema_name.sql -#}

{#- Marts have a file of their own, which the profile attaches. -#}
{% macro duckdb__generate_database_name(custom_database_name=none, node=none) -%}
    {{ "fcir" if generate_schema_name(none, node) | trim == "marts" else target.database }}
{%- endmacro %}

{#- require_exact_engine.sql -#}

{% macro duckdb__require_exact_engine() %}{% endmacro %}
