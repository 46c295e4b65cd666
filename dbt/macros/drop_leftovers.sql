{#- At the end of a full build: drop tables and views in this project's schemas that no model or seed creates, such
    as those of an earlier version of the project. They contain rows of extracts that would otherwise never be
    erased. -#}
{% macro drop_leftovers() %}
    {%- if execute and flags.FULL_REFRESH %}
        {%- set schemas = [] %}
        {%- set made = [] %}
        {%- for node in graph.nodes.values() if node.resource_type in ("model", "seed") %}
            {%- do schemas.append(node.schema) %}
            {%- do made.append(node.schema ~ "." ~ node.alias) %}
        {%- endfor %}
        {%- for database, schema, name, type in existing_relations(schemas | unique | list) %}
            {%- if schema ~ "." ~ name not in made %}
drop {{ type }} {{ api.Relation.create(database=database, schema=schema, identifier=name) }} {{ with_files(type) }};
            {%- endif %}
        {%- endfor %}
    {%- endif %}
{% endmacro %}

{#- End of a statement that drops a table, so that its files are deleted too. -#}
{% macro with_files(type) %}
    {{- adapter.dispatch("with_files", "fcir")() if type == "table" -}}
{% endmacro %}

{#- Tables and views in the schemas: database (none where the engine has none), schema, name, and `table` or `view`. -#}
{% macro existing_relations(schemas) %}
    {{ return(adapter.dispatch("existing_relations", "fcir")(schemas)) }}
{% endmacro %}
