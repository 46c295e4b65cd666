{#- Query: ratios of the catalogue over the rows of a relation whose columns are the sums behind them. Only
    measure_parts defines which sums belong to a ratio, and only measure_catalogue its scale.

    relation: name of a relation with a column `line`; its row is that of the measures of the section `calls_LINE`.
    key: columns of a row.
    parts: parts without their section; a part is the column of that name.
    ratios: column of the result to the name of its measure within the section.

    A ratio is null where one of its sums is null or no column, or the denominator is zero. -#}
{% macro catalogue_ratios(relation, key, parts, ratios) %}
    select
        {%- for column in key %}
        {{ column }},
        {%- endfor %}
        {%- for column, name in ratios.items() %}
        max(
            case when name = '{{ name }}' then {{ ratio("value_numerator", "value_denominator") | indent(12) }} end
        ) as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    from (
        select
            {%- for column in key %}
            {{ column }},
            {%- endfor %}
            name,
            {%- for role, scales in {
                "numerator": "factor * denominator_divisor", "denominator": "numerator_divisor"
            }.items() %}
            case
                when count(case when role = '{{ role }}' then 1 end) = count(case when role = '{{ role }}' then amount end)
                    then sum(case when role = '{{ role }}' then weight * amount end) * {{ scales }}
            end as value_{{ role }}{{ "," if not loop.last }}
            {%- endfor %}
        from (
            select
                {%- for column in key %}
                summed.{{ column }},
                {%- endfor %}
                measures.name,
                measures.factor,
                measures.numerator_divisor,
                measures.denominator_divisor,
                measure_parts.role,
                measure_parts.weight,
                case measure_parts.part
                    {%- for part in parts %}
                    when 'calls_' || summed.line || '.{{ part }}' then summed.{{ part }}
                    {%- endfor %}
                end as amount
            from {{ relation }} as summed
            inner join {{ ref("measure_catalogue") }} as measures
                on measures.section = 'calls_' || summed.line
            inner join {{ ref("measure_parts") }} as measure_parts
                on measures.measure = measure_parts.measure
            where measures.name in ('{{ ratios.values() | unique | join("', '") }}')
        ) as amounts
        group by
            {%- for column in key %}
            {{ column }},
            {%- endfor %}
            name,
            factor,
            numerator_divisor,
            denominator_divisor
    ) as quotients
    group by
        {%- for column in key %}
        {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
{% endmacro %}
