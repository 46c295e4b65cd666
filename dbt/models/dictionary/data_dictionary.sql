{#-
    Written from what dbt knows of its own models, so that a table or a column cannot be published without being listed.
    dbt sees no reference to those models here and need not: nothing is read from them.
-#}
{%- set rows = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() | selectattr("resource_type", "equalto", "model") | sort(attribute="name") -%}
        {%- if node.schema == model.schema and node.config.enabled -%}
            {%- set grain = node.config.meta.get("grain", []) | join(", ") -%}
            {%- do rows.append([node.alias, none, none, node.description | replace("\n", " ") | trim, grain, 0]) -%}
            {%- for column in node.columns.values() -%}
                {%- do rows.append([node.alias, column.name, column.data_type, column.description | replace("\n", " ") | trim, grain, loop.index]) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
{%- endif -%}

{#- One list of values: Spark plans a union of 670 selects for ten minutes. #}
select
    table_name,
    column_name,
    data_type,
    description,
    grain,
    cast(column_position as bigint) as column_position
from (
    values
    {%- for row in rows %}
    ({% for text in row[:5] %}{{ quoted_or_null(text) }}, {% endfor %}{{ row[5] }}){{ "," if not loop.last }}
    {%- else %}
    ('', '', '', '', '', 0)
    {%- endfor %}
) as listed (table_name, column_name, data_type, description, grain, column_position)
where table_name <> ''
