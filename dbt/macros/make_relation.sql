{#- What the materialisations of both engines do. -#}

{% macro make_relation(making, pre_hooks, post_hooks) %}
    {{ run_hooks(pre_hooks) }}
    {% call statement("main") %}
        {{ making }}
    {% endcall %}
    {{ run_hooks(post_hooks) }}
{% endmacro %}

{#- Drop a view that has a table's name: `create or replace` does not change the type. -#}
{% macro drop_other_type(relation) %}
    {%- set existing = load_cached_relation(relation) -%}
    {%- if existing is not none and existing.type != relation.type -%}
        {% do adapter.drop_relation(existing) %}
    {%- endif -%}
{% endmacro %}
