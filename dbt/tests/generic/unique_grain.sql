{#- Fails for every combination of `columns` that occurs more than once: the model has another grain than it says. -#}
{% test unique_grain(model, columns) %}

select
    {{ columns | join(", ") }},
    count(*) as occurrences
from {{ model }}
group by {{ columns | join(", ") }}
having count(*) > 1

{% endtest %}
