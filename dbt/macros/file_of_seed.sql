{#- The file to add a row to, where a table is a list that people keep: ` (dbt/seeds/NAME.csv)`; else nothing. -#}
{% macro file_of_seed(name) -%}
    {%- set files = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == "seed" and node.name == name -%}
            {%- do files.append(" (dbt/" ~ node.original_file_path ~ ")") -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(files | join) -}}
{%- endmacro %}
