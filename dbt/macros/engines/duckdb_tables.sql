{#- Tables and views made in place: replaced under their own name, or added to, in the model's transaction, so that
    in DuckDB no other connection sees a partial state.

    The materializations of dbt-duckdb make each under another name, rename twice, drop the old one in a second
    transaction, put new rows into a temporary table first, and ask for indexes, foreign keys and columns, of which
    this project has none or knows them from the contract. Each of those calls builds the context of all macros
    again, which is most of the cost of a small model. docs/decisions/0019-in-place-materialisations.md -#}

{% materialization table_in_place, adapter="duckdb" %}
    {%- set target = this.incorporate(type="table") -%}
    {% do make_in_place(target, create_table_as(False, target, compiled_code), pre_hooks, post_hooks) %}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}

{#- A table whose pre-hook deletes the rows that the model's query returns again; on a first or full build, an
    ordinary table. Its columns are those of the full build, since a project that has changed is built from scratch. -#}
{% materialization incremental_in_place, adapter="duckdb" %}
    {%- set target = this.incorporate(type="table") -%}
    {%- if is_incremental() -%}
        {%- set making = "insert into " ~ target ~ " by name\n" ~ compiled_code -%}
    {%- else -%}
        {%- set making = create_table_as(False, target, compiled_code) -%}
    {%- endif -%}
    {% do make_in_place(target, making, pre_hooks, post_hooks) %}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}

{% materialization view_in_place, adapter="duckdb" %}
    {%- set target = this.incorporate(type="view") -%}
    {% do make_in_place(target, get_create_view_as_sql(target, sql), pre_hooks, post_hooks) %}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}

{#- Replace the relation with the result of a statement, or add the result to it; write comments on a new relation
    and commit. -#}
{% macro make_in_place(target, making, pre_hooks, post_hooks) %}
    {%- set is_new = not is_incremental() -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement("main") %}
        {{ drop_replaced(target) if is_new }}
        {{ making }}
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {%- if is_new -%}
        {% do persist_docs(target, model) %}
    {%- endif -%}
    {% do adapter.commit() %}
{% endmacro %}

{#- Statement that drops an existing table or view of the relation's name; nothing on a first build. -#}
{% macro drop_replaced(relation) %}
    {%- set existing = load_cached_relation(relation) -%}
    {%- if existing is not none %}
drop {{ existing.type }} {{ existing }};
    {%- endif %}
{% endmacro %}

{#- Describe a relation and its columns in one statement. A description of a missing column is an error. -#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) %}
    {%- set comments = [] -%}
    {%- if model.description -%}
        {%- do comments.append(alter_relation_comment(relation, model.description)) -%}
    {%- endif -%}
    {%- for column in model.columns.values() if column.description -%}
        {%- set text = duckdb_escape_comment(column.description) -%}
        {%- do comments.append("comment on column " ~ relation ~ "." ~ adapter.quote(column.name) ~ " is " ~ text ~ ";") -%}
    {%- endfor -%}
    {%- if comments -%}
        {%- do run_query(comments | join("\n")) -%}
    {%- endif -%}
{% endmacro %}
