{#- dbt's materialisations on Spark with Iceberg, where each statement is a commit of its own:
    docs/decisions/0019-materialisations.md.

    A table is replaced by one commit, so that readers see the old or the new one. The pre-hook that deletes and the
    insert after it are two: until the second, readers of the lake see a gap, and readers of a publication do not. After
    a kill between the two, the loads are still pending and the next build repeats both. -#}

{% materialization table, adapter="spark" %}
    {%- set target = this.incorporate(type="table") -%}
    {% do drop_other_type(target) %}
    {% do make_relation(create_table_as(False, target, compiled_code), pre_hooks, post_hooks) %}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}

{% materialization incremental, adapter="spark" %}
    {%- set target = this.incorporate(type="table") -%}
    {%- if is_incremental() -%}
        {%- set making = "insert into " ~ target ~ " by name\n" ~ compiled_code -%}
    {%- else -%}
        {% do drop_other_type(target) %}
        {%- set making = create_table_as(False, target, compiled_code) -%}
    {%- endif -%}
    {% do make_relation(making, pre_hooks, post_hooks) %}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}

{% materialization view, adapter="spark" %}
    {%- set target = this.incorporate(type="view") -%}
    {#- With the session extensions of Iceberg, a view that is replaced keeps its old query, without an error. -#}
    {%- set existing = load_cached_relation(target) -%}
    {%- if existing is not none -%}
        {% do adapter.drop_relation(existing) %}
    {%- endif -%}
    {% do make_relation("create view " ~ target ~ " as\n" ~ compiled_code, pre_hooks, post_hooks) %}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}
