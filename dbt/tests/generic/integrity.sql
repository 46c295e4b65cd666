{#- Rules that a table must meet by itself and for its keys in other tables. One row for each fault, with the number
    of rows that have it and the condition that finds them. One test for a table, since a node costs dbt and Dagster
    40 ms regardless of what it tests.

    grain: columns that identify a row. Surplus rows count: of three equal rows, two.
    required: columns that are never null.
    accepted: column to the values that it may have besides null.
    totals: a total and the parts that it is the sum of. A row with a null in one of them passes.
    changed: the source's table of changed rows, for a fact. A nightly run tests only the rows of changed keys:
        unchanged rows were tested when they were loaded. A full build tests all rows.
    conditions: text and condition (where) of rows that are faulty.
    parents: columns that are found in the table `to`, as `to_columns` where that names them otherwise. A row with a
        null in one of them passes.

    The texts name columns and accepted values, never a value of a row: they are shown where the rows must not be. The
    condition finds no rows that are alike with a null in their grain, although they are counted. -#}
{% test integrity(model, grain=[], required=[], accepted={}, totals=[], conditions=[], parents=[], changed=none) %}

{{ config(fail_calc="coalesce(sum(faulty_rows), 0)") }}

{%- set faults = [] -%}
{%- for column in required -%}
    {%- do faults.append({
        "rows": "count(*) - count(" ~ column ~ ")",
        "text": column ~ " is empty",
        "where": column ~ " is null",
    }) -%}
{%- endfor -%}
{%- for column, values in accepted.items() -%}
    {%- set literals = [] -%}
    {%- for value in values -%}
        {%- do literals.append(dbt.string_literal(dbt.escape_single_quotes(value))) -%}
    {%- endfor -%}
    {%- set is_other = column ~ " not in (" ~ literals | join(", ") ~ ")" -%}
    {%- do faults.append({
        "rows": "sum(case when " ~ is_other ~ " then 1 else 0 end)",
        "text": column ~ " is none of " ~ values | join(", "),
        "where": is_other,
    }) -%}
{%- endfor -%}
{%- for item in totals -%}
    {%- set differs = item.total ~ " <> " ~ item.parts | join(" + ") -%}
    {%- do faults.append({
        "rows": "sum(case when " ~ differs ~ " then 1 else 0 end)",
        "text": item.total ~ " is not the sum of " ~ item.parts | join(", "),
        "where": differs,
    }) -%}
{%- endfor -%}
{%- for item in conditions -%}
    {%- do faults.append({
        "rows": "sum(case when " ~ item.where ~ " then 1 else 0 end)",
        "text": item.text,
        "where": item.where,
    }) -%}
{%- endfor -%}
{%- set of_rows = faults | length -%}
{%- if grain -%}
    {%- set key = grain | join(", ") -%}
    {%- do faults.append({
        "text": "another row has the same " ~ key,
        "where": "(" ~ key ~ ") in (select " ~ key ~ " from " ~ model ~ " group by " ~ key ~ " having count(*) > 1)",
    }) -%}
{%- endif -%}
{%- for item in parents -%}
    {%- set to_columns = item.get("to_columns", item.columns) -%}
    {%- set key, parent_key = item.columns | join(", "), to_columns | join(", ") -%}
    {%- do faults.append({
        "text": key ~ " is " ~ ("not in " if key == parent_key else "no " ~ parent_key ~ " of ") ~ item.to.identifier
            ~ file_of_seed(item.to.identifier),
        "where": "(" ~ key ~ ") not in (select " ~ parent_key ~ " from " ~ item.to
            ~ " where " ~ to_columns | join(" is not null and ") ~ " is not null)",
    }) -%}
{%- endfor -%}
{%- if not faults -%}
    {%- do exceptions.raise_compiler_error("integrity of " ~ model ~ ": it claims nothing; name grain, required, accepted, totals or parents") -%}
{%- endif %}

with

looked_at as (

    select whole.*
    from {{ model }} as whole
    {%- if changed and not flags.FULL_REFRESH %}
    inner join {{ changed }} as changed
        on whole.load_id = changed.load_id
        and whole.source_row = changed.source_row
    {%- endif %}

),

faults as (

    select *
    from (
        values
        {%- for fault in faults %}
        (
            {{ loop.index }},
            {{ dbt.string_literal(dbt.escape_single_quotes(fault.text)) }},
            {{ dbt.string_literal(dbt.escape_single_quotes(fault.where | replace('"', ""))) }}
        ){{ "," if not loop.last }}
        {%- endfor %}
    ) as listed (fault_no, fault, rows_where)

)
{%- if of_rows %},

{# One pass over the table for all that is decided row by row. -#}
of_rows as (

    select
        {%- for fault in faults[:of_rows] %}
        {{ fault.rows }} as rows_{{ loop.index }}{{ "," if not loop.last }}
        {%- endfor %}
    from looked_at

)
{%- endif %}
{%- if grain %},

keys_of_several_rows as (

    select count(*) as occurrences
    from looked_at
    group by {{ grain | join(", ") }}
    having count(*) > 1

),

of_grain as (

    select sum(occurrences - 1) as rows_of_grain
    from keys_of_several_rows

)
{%- endif %}
{%- for item in parents %},

of_parent_{{ loop.index }} as (

    select count(*) as rows_of_parent_{{ loop.index }}
    from looked_at as child
    left join {{ item.to }} as parent
        on
            {%- for column in item.columns %}
            {{ "and " if not loop.first }}child.{{ column }} = parent.{{ item.get("to_columns", item.columns)[loop.index0] }}
            {%- endfor %}
    where
        parent.{{ item.get("to_columns", item.columns)[0] }} is null
        {%- for column in item.columns %}
        and child.{{ column }} is not null
        {%- endfor %}

)
{%- endfor %},

final as (

    select
        faults.fault,
        faults.rows_where,
        case faults.fault_no
            {%- for _ in faults[:of_rows] %}
            when {{ loop.index }} then of_rows.rows_{{ loop.index }}
            {%- endfor %}
            {%- if grain %}
            when {{ of_rows + 1 }} then of_grain.rows_of_grain
            {%- endif %}
            {%- for _ in parents %}
            when {{ of_rows + (1 if grain else 0) + loop.index }} then of_parent_{{ loop.index }}.rows_of_parent_{{ loop.index }}
            {%- endfor %}
        end as faulty_rows
    from faults
    {%- if of_rows %}
    cross join of_rows
    {%- endif %}
    {%- if grain %}
    cross join of_grain
    {%- endif %}
    {%- for _ in parents %}
    cross join of_parent_{{ loop.index }}
    {%- endfor %}

)

select * from final
where faulty_rows > 0

{% endtest %}
