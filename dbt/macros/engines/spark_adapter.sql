{#- Changes of dbt-spark 1.11 that this project needs. -#}

{#- dbt casts to `varchar`, the published name of the type; Spark wants a length there and has `string`. -#}
{% macro spark__cast(expression, data_type) -%}
    cast({{ expression }} as {{ spark_type(data_type) }})
{%- endmacro %}

{% macro spark_type(data_type) -%}
    {{ return("string" if data_type | lower == "varchar" else data_type) }}
{%- endmacro %}

{#- In ANSI mode a plain cast of '' to a number fails; the fixtures of unit tests have such cells for null. -#}
{% macro spark__safe_cast(expression, data_type) -%}
    try_cast({{ expression }} as {{ spark_type(data_type) }})
{%- endmacro %}

{#- Rows of a unit test as one list of values. dbt unites one query for each row, which Spark plans again wherever a
    model reads it: a test of 170 rows took 168 seconds. -#}
{% macro get_fixture_sql(rows, column_name_to_data_types) %}
    {%- if adapter.type() == "spark" and rows -%}
        {%- set types = column_name_to_data_types or spark_column_types() -%}
        {%- set names = types.keys() | list -%}
        select * from values
        {%- for row in rows %}
        {%- set cells = format_row(row, types) %}
        (
            {%- for name in names -%}
                {{ cells.get(name, safe_cast("null", types[name])) }}{{ ", " if not loop.last }}
            {%- endfor -%}
        ){{ "," if not loop.last }}
        {%- endfor %}
        as fixture ({{ names | join(", ") }})
    {%- else -%}
        {{ dbt.get_fixture_sql(rows, column_name_to_data_types) }}
    {%- endif -%}
{% endmacro %}

{#- Types of the relation that a fixture stands for. -#}
{% macro spark_column_types() %}
    {%- set types = {} -%}
    {%- for column in adapter.get_columns_in_relation(defer_relation if defer_relation and not load_relation(this) else this) -%}
        {%- do types.update({column.name | lower: column.data_type}) -%}
    {%- endfor -%}
    {{ return(types) }}
{% endmacro %}

{#- A seed as one statement, so that readers never see it empty; dbt-spark drops it, creates it and inserts batches. -#}
{% macro spark__create_csv_table(model, agate_table) %}
    {%- set types = model.config.column_types -%}
    {% call statement("create_seed") %}
create or replace table {{ this }} using iceberg as
select
    {%- for name in agate_table.column_names %}
    cast({{ name }} as {{ spark_type(types[name]) }}) as {{ name }}{{ "," if not loop.last }}
    {%- endfor %}
from values
    {%- for row in agate_table.rows %}
    ({% for value in row %}{{ seed_literal(value) }}{{ ", " if not loop.last }}{% endfor %}){{ "," if not loop.last }}
    {%- else %}
    ({% for name in agate_table.column_names %}null{{ ", " if not loop.last }}{% endfor %})
    {%- endfor %}
    as csv_rows ({{ agate_table.column_names | join(", ") }})
{{ "where 1 = 0" if not agate_table.rows }}
    {% endcall %}
{% endmacro %}

{% macro seed_literal(value) -%}
    {{ "null" if value is none else dbt.string_literal(dbt.escape_single_quotes(value | string)) }}
{%- endmacro %}

{% macro spark__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {{ return(create_csv_table(model, agate_table)) }}
{% endmacro %}

{% macro spark__load_csv_rows(model, agate_table) %}{% endmacro %}

{#- Spark reads doubled quotes as two literals next to each other, and a backslash as the start of an escape. -#}
{% macro spark__escape_single_quotes(expression) -%}
    {{ expression | replace("\\", "\\\\") | replace("'", "\\'") }}
{%- endmacro %}

{#- PyHive cannot fetch the result of a statement that has none, as dbt's own macro does. -#}
{% macro run_query(sql) %}
    {%- set has_rows = adapter.type() != "spark" or sql.strip().split()[0] | lower in ("select", "with", "show", "describe", "set", "(") -%}
    {% call statement("run_query_statement", fetch_result=has_rows, auto_begin=false) %}
        {{ sql }}
    {% endcall %}
    {{ return(load_result("run_query_statement").table if has_rows else none) }}
{% endmacro %}

{#- With its files, which no table would have and no compaction could find. -#}
{% macro spark__drop_relation(relation) -%}
    {% call statement("drop_relation", auto_begin=false) %}
        drop {{ relation.type }} if exists {{ relation }} {{ with_files(relation.type) }}
    {% endcall %}
{%- endmacro %}

{#- Comments are on the published copy: here they would be a commit for each of 670 columns. -#}
{% macro spark__persist_docs(relation, model, for_relation, for_columns) %}
{% endmacro %}
