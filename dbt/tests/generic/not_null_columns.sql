{#- Fails for every row in which one of `columns` is null. One node for a whole model: each node costs dbt about 14 ms. -#}
{% test not_null_columns(model, columns) %}

select
    {%- for column in columns %}
    case when {{ column }} is null then 1 else 0 end as {{ column }}_is_null{{ "," if not loop.last }}
    {%- endfor %}
from {{ model }}
where
    {%- for column in columns %}
    {{ "or " if not loop.first }}{{ column }} is null
    {%- endfor %}

{% endtest %}
