{#- At the end of a full build: drop tables and views in this project's schemas that no model or seed creates, such
    as those of an earlier version of the project. They contain rows of extracts that would otherwise never be
    erased. -#}
{% macro drop_leftovers() %}
    {%- if execute and flags.FULL_REFRESH %}
        {#- Schema of earlier versions that no current model uses. -#}
        {%- set schemas = ["intermediate"] %}
        {%- set made = [] %}
        {%- for node in graph.nodes.values() if node.resource_type in ("model", "seed") %}
            {%- do schemas.append(node.schema) %}
            {%- do made.append(node.database ~ "." ~ node.schema ~ "." ~ node.alias) %}
        {%- endfor %}
        {%- set relations %}
select database_name, schema_name, table_name, 'table' as type from duckdb_tables()
union all
select database_name, schema_name, view_name, 'view' as type from duckdb_views() where not internal
        {%- endset %}
        {%- for database, schema, name, type in run_query(relations).rows if schema in schemas %}
            {%- if database ~ "." ~ schema ~ "." ~ name not in made %}
drop {{ type }} {{ api.Relation.create(database=database, schema=schema, identifier=name) }};
            {%- endif %}
        {%- endfor %}
    {%- endif %}
{% endmacro %}
