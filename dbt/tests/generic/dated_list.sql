{#- Fails for a row of a dated list that ends before it begins, that overlaps a later one of its force and `key`, or
    that, being a line of all forces, is not followed on the next day although later ones exist; with `open_ended` also
    for a last line of all forces that ends. Without this, two rows would be in force on one day, or none. -#}
{% test dated_list(model, key, open_ended=false) %}

with

followed as (

    select
        *,
        lead(valid_from) over (
            partition by force_code{% for column in key %}, {{ column }}{% endfor %}
            order by valid_from asc nulls last
        ) as next_valid_from
    from {{ model }}

)

select *
from followed
where
    valid_to < valid_from
    or next_valid_from <= coalesce(valid_to, next_valid_from)
    or (force_code = '*' and next_valid_from > {{ date_plus("valid_to", 1, "day") }})
    {%- if open_ended %}
    or (force_code = '*' and next_valid_from is null and valid_to is not null)
    {%- endif %}

{% endtest %}
