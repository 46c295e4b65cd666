{#- dbt's materialisations on DuckDB: docs/decisions/0019-materialisations.md.

    A build that is not full keeps a table with its columns and comments, since a changed project is built in full, and
    replaces its rows in one transaction. dbt-duckdb creates another table, renames two, drops one and comments on all
    again. -#}

{% materialization table, adapter="duckdb" %}
    {{ return({"relations": [make_table("delete from " ~ this ~ ";")]}) }}
{% endmaterialization %}

{#- Pre-hooks delete the rows that are inserted again. -#}
{% materialization incremental, adapter="duckdb" %}
    {{ return({"relations": [make_table("")]}) }}
{% endmaterialization %}

{% materialization view, adapter="duckdb" %}
    {%- set target = this.incorporate(type="view") -%}
    {% do drop_other_type(target) %}
    {% do make_relation("create or replace view " ~ target ~ " as\n" ~ compiled_code, pre_hooks, post_hooks) %}
    {% do adapter.commit() %}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}

{#- `emptying`: statement before the insertion into a table that exists. -#}
{% macro make_table(emptying) %}
    {%- set existing, target = load_cached_relation(this), this.incorporate(type="table") -%}
    {%- if existing is not none and existing.is_table and not should_full_refresh() -%}
        {% do make_relation(emptying ~ "insert into " ~ target ~ " by name\n" ~ compiled_code, pre_hooks, post_hooks) %}
    {%- else -%}
        {% do adapter.ensure_transaction() %}
        {{ drop_relation_if_exists(existing) }}
        {% do make_relation(create_table_as(False, target, compiled_code), pre_hooks, post_hooks) %}
        {% do persist_docs(target, model) %}
    {%- endif -%}
    {% do adapter.commit() %}
    {{ return(target) }}
{% endmacro %}
