{#- Before a build: an error if the engine has settings with which figures would differ between engines. -#}
{% macro require_exact_engine() %}
    {%- if execute -%}
        {{ adapter.dispatch("require_exact_engine", "fcir")() }}
    {%- endif -%}
{% endmacro %}
