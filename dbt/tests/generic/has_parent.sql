{#- Fails for every combination of `columns` that the model has and the table `to` has not: a foreign key of several
    columns, for which the built-in relationships test has no form. Columns are named alike on both sides. -#}
{% test has_parent(model, columns, to) %}

select distinct
    {%- for column in columns %}
    child.{{ column }}{{ "," if not loop.last }}
    {%- endfor %}
from {{ model }} as child
left join {{ to }} as parent
    on
        {%- for column in columns %}
        {{ "and " if not loop.first }}child.{{ column }} = parent.{{ column }}
        {%- endfor %}
where parent.{{ columns[0] }} is null

{% endtest %}
