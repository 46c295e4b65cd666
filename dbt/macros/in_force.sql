{#-
    Query: for each cell of `cells`, the row of a dated list in force on the cell's `day`, with the list's `values`.
    A force's own row takes precedence over the row for all forces (`*`); of several, the latest `valid_from`
    counts. Cells of a day without a row in force are left out. `key` names the columns, besides the force, by which
    the list has its rows; `cells` has force_code, the key, the day and any other `columns` that identify a cell.
-#}
{% macro in_force(cells, columns, day, list, key, values) %}
    select {{ (columns + values) | join(", ") }}
    from (
        select
            cells.{{ columns | join(", cells.") }},
            dated.{{ values | join(", dated.") }},
            cast(row_number() over (
                partition by cells.{{ columns | join(", cells.") }}
                order by dated.force_code = '*' asc nulls last, dated.valid_from desc nulls last
            ) as bigint) as row_num
        from {{ cells }} as cells
        inner join {{ list }} as dated
            on
                dated.force_code in (cells.force_code, '*')
                and cells.{{ day }} between dated.valid_from and coalesce(dated.valid_to, cells.{{ day }})
                {%- for column in key %}
                and cells.{{ column }} = dated.{{ column }}
                {%- endfor %}
    ) as ranked
    where row_num = 1
{% endmacro %}
