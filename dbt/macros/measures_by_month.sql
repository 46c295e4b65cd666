{#- Query: measures as columns, one row per force and month. `columns` has the name of each column and the code of its
    measure; `counts` names the columns of whole numbers, `model` has the measures. A column is null where the month has no
    such measure. A month is provisional when one of the measures is. -#}
{% macro measures_by_month(columns, counts, model="int_measure_monthly") %}
    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(month_start as date) as month_start,
        {%- for column, code in columns.items() %}
        cast(
            max(case when measure = '{{ code }}' then value end) as {{ "bigint" if column in counts else "decimal(38, 6)" }}
        ) as {{ column }},
        {%- endfor %}
        cast(max(case when is_provisional then 1 else 0 end) = 1 as boolean) as is_provisional,
        cast(min(share_of_days_loaded) as decimal(38, 6)) as share_of_days_loaded
    from {{ ref(model) }}
    where measure in ('{{ columns.values() | join("', '") }}')
    group by
        force_code,
        month_start
{% endmacro %}
