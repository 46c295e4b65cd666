{#- Query: what a loaded day of a source lacks of what a measure counts: a member of the main list, or a column (then
    `column_name`). Of a source without listed members, all of them count. Here and not in a model, because the months of a
    measure leave these days out and models of days read them too. -#}
{% macro lacking_days() %}
    select distinct
        measures.measure,
        lacking.source,
        lacking.force_code,
        lacking.day,
        case when lacking.is_column then split_part(lacking.item, ':', 2) end as column_name
    from (
        {%- for kind in ["members", "columns"] %}
        select
            source,
            force_code,
            day,
            {{ "true" if kind == "columns" else "false" }} as is_column,
            {{ list_items("replace(lacking_" ~ kind ~ ", ', ', ',')") }} as item
        from {{ ref("int_source_day") }}
        where lacking_{{ kind }} is not null
        {{- " union all" if not loop.last }}
        {%- endfor %}
    ) as lacking
    inner join {{ ref("measure_catalogue") }} as measures
        on position(',' || lacking.source || ',' in ',' || measures.sources || ',') > 0
    where
        position(
            ',' || lacking.item || ','
            in ',' || case when lacking.is_column then measures.columns else measures.members end || ','
        ) > 0
        or (
            not lacking.is_column
            and position(',' || lacking.source || ':' in ',' || coalesce(measures.members, '')) = 0
        )
{% endmacro %}

{#- Condition on a row `source_days` of int_source_day: it lacks a member of the main list, or a column. -#}
{% macro lacks(kind, item) -%}
    coalesce(
        position(', ' || source_days.source || ':' || {{ item }} || ',' in ', ' || source_days.lacking_{{ kind }} || ',') > 0,
        false
    )
{%- endmacro %}
