{#- An expression that ends the query with an error of this text. -#}
{% macro raise_error(text) %}{{ return(adapter.dispatch("raise_error", "fcir")(text)) }}{% endmacro %}
