{#- The file to add a row to, if the table is a seed that people maintain: ` (dbt/seeds/NAME.csv)`; else nothing. -#}
{% macro file_of_seed(name) -%}
    {%- set files = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == "seed" and node.name == name -%}
            {#- A list of the configuration is laid over a seed with an absolute path. -#}
            {%- set folder = "" if node.original_file_path.startswith("/") else "dbt/" -%}
            {%- do files.append(" (" ~ folder ~ node.original_file_path ~ ")") -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(files | join) -}}
{%- endmacro %}
