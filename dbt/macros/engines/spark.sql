{#- On Spark: the macros that differ between engines. The heading names the file in macros/ that explains them. -#}

{#- local_time.sql -#}

{% macro spark__local_timestamp(utc) -%}
    from_utc_timestamp({{ utc }}, {{ local_time_zone() }})
{%- endmacro %}

{% macro spark__utc_timestamp(local) -%}
    to_utc_timestamp({{ local }}, {{ local_time_zone() }})
{%- endmacro %}

{#- display_value.sql -#}

{% macro spark__thousands(whole) %}{{ return('format_number(' ~ whole ~ ', 0)') }}{% endmacro %}

{#- list_items.sql -#}

{% macro spark__list_items(text) -%}
    explode(split({{ text }}, ','))
{%- endmacro %}

{#- elapsed.sql -#}

{% macro spark__microseconds(utc) -%}
    unix_micros({{ utc }})
{%- endmacro %}

{% macro spark__days_between(earlier, later) -%}
    cast(datediff({{ later }}, {{ earlier }}) as bigint)
{%- endmacro %}

{#- ratio.sql -#}

{% macro spark__big_integer() %}{{ return('decimal(38, 0)') }}{% endmacro %}

{#- Not `div`: of decimals it gives a bigint, and a larger quotient wraps to another number without an error. -#}
{% macro spark__int_div(dividend, divisor) %}
    {%- set divisor = 'nullif(' ~ divisor ~ ', 0)' -%}
    {%- do return(
        'cast((' ~ dividend ~ ' - mod(' ~ dividend ~ ', ' ~ divisor ~ ')) / ' ~ divisor ~ ' as decimal(38, 0))'
    ) -%}
{% endmacro %}

{#- calendar.sql -#}

{% macro spark__date_plus(day, amount, unit) -%}
    {%- if unit == "day" -%} date_add({{ day }}, cast({{ amount }} as int))
    {%- elif unit == "month" -%} add_months({{ day }}, cast({{ amount }} as int))
    {%- elif unit == "year" -%} add_months({{ day }}, cast(12 * ({{ amount }}) as int))
    {%- else -%} {{ exceptions.raise_compiler_error("date_plus: unit is day, month or year, not " ~ unit) }}
    {%- endif -%}
{%- endmacro %}

{% macro spark__day_of_week(day) -%}
    (weekday({{ day }}) + 1)
{%- endmacro %}

{#- `sequence` would count down where the last is less than the first. -#}
{% macro spark__whole_numbers(first, last) -%}
    explode(case when {{ first }} <= {{ last }} then sequence(cast({{ first }} as bigint), {{ last }}) end)
{%- endmacro %}

{#- joined_text.sql -#}

{% macro spark__joined_text(text) -%}
    nullif(array_join(sort_array(collect_list({{ text }})), ', '), '')
{%- endmacro %}

{#- drop_leftovers.sql -#}

{% macro spark__existing_relations(schemas) %}
    {%- set known = run_query("show databases").columns[0].values() | list -%}
    {%- set relations = [] -%}
    {%- for schema in schemas if schema in known -%}
        {%- set views = run_query("show views in " ~ schema).rows | map(attribute=1) | list -%}
        {%- for row in run_query("show tables in " ~ schema).rows -%}
            {%- do relations.append((none, schema, row[1], "view" if row[1] in views else "table")) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(relations) }}
{% endmacro %}

{% macro spark__with_files() %}purge{% endmacro %}

{#- require_exact_engine.sql -#}

{#- dbt-spark asks each session for `spark.sql.ansi.enabled=false`, which the Thrift server of Spark 3.5 ignores and
    another server may obey: an overflow or a text that is not a number would be null. -#}
{% macro spark__require_exact_engine() %}
    {%- set is_ansi = run_query("set spark.sql.ansi.enabled").rows[0][1] -%}
    {%- set zone = run_query("select current_timezone()").rows[0][0] -%}
    {%- if (is_ansi, zone) != ("true", "UTC") -%}
        {{ exceptions.raise_compiler_error(
            "a session of dbt has spark.sql.ansi.enabled=" ~ is_ansi ~ " and time zone " ~ zone
            ~ "; expected true and UTC, or figures would differ. Nothing was built. Set both for the server; one that obeys"
            ~ " dbt, which asks each session for spark.sql.ansi.enabled=false, cannot be used: docs/spark.md"
        ) }}
    {%- endif -%}
{% endmacro %}
