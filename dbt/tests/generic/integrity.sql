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

{%- set of_rows = [] -%}
{%- for column in required -%}
    {%- do of_rows.append((column ~ " is empty", column ~ " is null")) -%}
{%- endfor -%}
{%- for column, values in accepted.items() -%}
    {%- set literals = [] -%}
    {%- for value in values -%}
        {%- do literals.append(dbt.string_literal(dbt.escape_single_quotes(value))) -%}
    {%- endfor -%}
    {%- set is_other = column ~ " not in (" ~ literals | join(", ") ~ ")" -%}
    {%- do of_rows.append((column ~ " is none of " ~ values | join(", "), is_other)) -%}
{%- endfor -%}
{%- for item in totals -%}
    {%- set text = item.total ~ " is not the sum of " ~ item.parts | join(", ") -%}
    {%- do of_rows.append((text, item.total ~ " <> " ~ item.parts | join(" + "))) -%}
{%- endfor -%}
{%- for item in conditions -%}
    {%- do of_rows.append((item.text, item.where)) -%}
{%- endfor -%}

{#- Faults that a row does not show by itself, with the query of the number of rows that have them. -#}
{%- set of_keys = [] -%}
{%- if grain -%}
    {%- set key = grain | join(", ") -%}
    {%- set repeated = "from " ~ model ~ " group by " ~ key ~ " having count(*) > 1" -%}
    {%- set surplus -%}
    sum(occurrences - 1) as faulty_rows from (select count(*) as occurrences from looked_at group by {{ key }}) as keys
    {%- endset -%}
    {%- do of_keys.append((
        "another row has the same " ~ key, "(" ~ key ~ ") in (select " ~ key ~ " " ~ repeated ~ ")", surplus
    )) -%}
{%- endif -%}
{%- for item in parents -%}
    {%- set to_columns = item.get("to_columns", item.columns) -%}
    {%- set key, parent_key = item.columns | join(", "), to_columns | join(", ") -%}
    {%- set text -%}
    {{ key }} is {{ "not in " if key == parent_key else "no " ~ parent_key ~ " of " }}{{ item.to.identifier }}
    {{- file_of_seed(item.to.identifier) }}
    {%- endset -%}
    {%- set is_orphan -%}
    ({{ key }}) not in (select {{ parent_key }} from {{ item.to }} where {{ to_columns | join(" is not null and ") }} is not null)
    {%- endset -%}
    {%- set orphans -%}
    count(*) as faulty_rows
    from looked_at as child
    left join {{ item.to }} as parent
        on
            {%- for column in item.columns %}
            {{ "and " if not loop.first }}child.{{ column }} = parent.{{ to_columns[loop.index0] }}
            {%- endfor %}
    where
        parent.{{ to_columns[0] }} is null
        and child.{{ item.columns | join(" is not null and child.") }} is not null
    {%- endset -%}
    {%- do of_keys.append((text, is_orphan, orphans)) -%}
{%- endfor -%}
{%- if not of_rows + of_keys -%}
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

final as (
    {%- if of_rows %}

    -- One pass over the table for all that is decided row by row.
    select
        listed.fault,
        listed.rows_where,
        case listed.fault_no
            {%- for _ in of_rows %}
            when {{ loop.index }} then counted.rows_{{ loop.index }}
            {%- endfor %}
        end as faulty_rows
    from (
        select
            {%- for _, condition in of_rows %}
            sum(case when {{ condition }} then 1 else 0 end) as rows_{{ loop.index }}{{ "," if not loop.last }}
            {%- endfor %}
        from looked_at
    ) as counted
    cross join (
        values
        {%- for text, condition in of_rows %}
        ({{ loop.index }}, {{ dbt.string_literal(dbt.escape_single_quotes(text)) }}, {{ dbt.string_literal(dbt.escape_single_quotes(condition | replace('"', ""))) }}){{ "," if not loop.last }}
        {%- endfor %}
    ) as listed (fault_no, fault, rows_where)
    {{- "\n\n    union all" if of_keys }}
    {%- endif %}
    {%- for text, condition, rows in of_keys %}

    select
        {{ dbt.string_literal(dbt.escape_single_quotes(text)) }} as fault,
        {{ dbt.string_literal(dbt.escape_single_quotes(condition | replace('"', ""))) }} as rows_where,
        {{ rows }}
    {{- "\n\n    union all" if not loop.last }}
    {%- endfor %}

)

select * from final
where faulty_rows > 0

{% endtest %}
