{#- The file to add a row to, if the table is a seed that people maintain: ` (dbt/seeds/NAME.csv)`; else nothing. -#}
{% macro file_of_seed(name) -%}
    {%- set files = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == "seed" and node.name == name -%}
            {%- do files.append(" (dbt/" ~ node.original_file_path ~ ")") -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(files | join) -}}
{%- endmacro %}
