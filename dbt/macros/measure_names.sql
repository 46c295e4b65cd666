{#-
    Query: what measures are called. Names that state an answer target have it in the place of `{seconds}`, as
    `stated_seconds`: the targets of the line on any day, for any force, so that a name is true of all figures.
-#}
{% macro measure_names() %}
    select
        catalogue.measure,
        {%- for column in ["label", "short_label", "clause", "numerator"] %}
        coalesce(replace(catalogue.{{ column }}, '{seconds}', targets.seconds), catalogue.{{ column }}) as {{ column }},
        {%- endfor %}
        case when catalogue.label like '%{seconds}%' then targets.seconds end as stated_seconds
    from {{ ref("measure_catalogue") }} as catalogue
    left join (
        select
            section,
            replace({{ joined_text("seconds") }}, ', ', ' or ') as seconds
        from (
            select distinct
                'calls_' || line as section,
                regexp_replace(cast(answer_target_seconds as {{ dbt.type_string() }}), '[.]?0+$', '') as seconds
            from {{ ref("call_parameters") }}
        ) as targets_of_lines
        group by section
    ) as targets
        on catalogue.section = targets.section
{% endmacro %}
