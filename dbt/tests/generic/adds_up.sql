{#- Fails for every row in which `total` is not the sum of `parts`. Rows without a total are left alone. -#}
{% test adds_up(model, total, parts) %}

select
    {{ total }},
    {{ parts | join(", ") }}
from {{ model }}
where {{ total }} <> {{ parts | join(" + ") }}

{% endtest %}
