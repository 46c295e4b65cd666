{#- The value of one measure among the rows of a group, as a column of the given type. `code` is looked for in `column`:
    the whole code, or the bare name where the group holds one section. Null where the group has no such measure. -#}
{% macro measure_value(code, data_type="decimal(38, 6)", column="measure") -%}
    cast(max(case when {{ column }} = '{{ code }}' then value end) as {{ data_type }})
{%- endmacro %}
