{#- dbt's own macro returns true only for its materialization `incremental`. -#}
{% macro is_incremental() %}
    {%- if not execute or model.config.materialized != "incremental_in_place" or should_full_refresh() -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set relation = load_cached_relation(this) -%}
    {{ return(relation is not none and relation.type == "table") }}
{% endmacro %}
