{#- Query: what a loaded day of a source lacks of what a measure counts: a member of the main list, or a column (then
    `column_name`). Of a source without listed members, all of them count. Here and not in a model, because the months of a
    measure leave these days out and models of days read them too. -#}
{% macro lacking_days() %}
    select distinct
        measures.measure,
        lacking.source,
        lacking.force_code,
        lacking.day,
        lacking.column_name
    from (
        {%- for kind, column_name in {"members": "cast(null as " ~ dbt.type_string() ~ ")", "columns": "split_part(item, ':', 2)"}.items() %}
        select
            source,
            force_code,
            day,
            item,
            '{{ kind }}' as kind,
            {{ column_name }} as column_name
        from (
            select
                source,
                force_code,
                day,
                {{ list_items("replace(lacking_" ~ kind ~ ", ', ', ',')") }} as item
            from {{ ref("int_source_day") }}
            where lacking_{{ kind }} is not null
        ) as {{ kind }}
        {{- " union all" if not loop.last }}
        {%- endfor %}
    ) as lacking
    inner join {{ ref("measure_catalogue") }} as measures
        on position(',' || lacking.source || ',' in ',' || measures.sources || ',') > 0
    where
        position(
            ',' || lacking.item || ','
            in ',' || case when lacking.kind = 'members' then measures.members else measures.columns end || ','
        ) > 0
        or (
            lacking.kind = 'members'
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
