{#-
    Written from what dbt knows of its own models, so that a table or a column cannot be published without being listed.
    dbt sees no reference to those models here and need not: nothing is read from them.
-#}
{%- set rows = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() | selectattr("resource_type", "equalto", "model") | sort(attribute="name") -%}
        {%- if node.schema == model.schema and node.config.enabled -%}
            {%- set grain = node.config.meta.get("grain", []) | join(", ") -%}
            {%- do rows.append([node.alias, none, none, node.description, grain, 0]) -%}
            {%- for column in node.columns.values() -%}
                {%- do rows.append([node.alias, column.name, column.data_type, column.description, grain, loop.index]) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
{%- endif -%}

with

entries as (

    {%- for table_name, column_name, data_type, description, grain, position in rows %}
    select
        {{ quoted_or_null(table_name) }} as table_name,
        {{ quoted_or_null(column_name) }} as column_name,
        {{ quoted_or_null(data_type) }} as data_type,
        {{ quoted_or_null(description | replace("\n", " ") | trim) }} as description,
        {{ quoted_or_null(grain) }} as grain,
        {{ position }} as column_position
    {{- " union all" if not loop.last }}
    {%- else %}
    select
        '' as table_name,
        '' as column_name,
        '' as data_type,
        '' as description,
        '' as grain,
        0 as column_position
    where false
    {%- endfor %}

),

final as (

    select
        cast(table_name as {{ dbt.type_string() }}) as table_name,
        cast(column_name as {{ dbt.type_string() }}) as column_name,
        cast(data_type as {{ dbt.type_string() }}) as data_type,
        cast(description as {{ dbt.type_string() }}) as description,
        cast(grain as {{ dbt.type_string() }}) as grain,
        cast(column_position as bigint) as column_position
    from entries

)

select * from final
