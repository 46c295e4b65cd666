{#- Totals of several forces: of all forces of an area (national_totals) and of a most similar group
    (national_figures). A ratio is computed from the summed numerators and denominators, never averaged. -#}

{#- Columns of a group of rows of int_national_figure (`figures`): the sums over the forces with complete data, their
    number, and their population, null where it is not known of all of them. -#}
{% macro sums_of_complete_forces(figures) -%}
    {%- set is_complete = figures ~ ".force_code is not null and " ~ figures ~ ".left_out_because is null" -%}
        sum(case when {{ is_complete }} then {{ figures }}.numerator end) as numerator,
        sum(case when {{ is_complete }} then {{ figures }}.denominator end) as denominator,
        sum(case when {{ is_complete }} then 1 else 0 end) as forces_complete,
        case
            when sum(case when {{ is_complete }} and {{ figures }}.population is null then 1 else 0 end) = 0
                then sum(case when {{ is_complete }} then {{ figures }}.population end)
        end as population,
        max(case when {{ figures }}.is_sum then 1 else 0 end) = 1 as is_sum,
        max({{ figures }}.not_summed_because) as not_summed_because
{%- endmacro %}

{#- Why the sums (`sums`) of a measure (of the catalogue, `measures`) have no value; null where they have one. -#}
{% macro reason_without_total(sums) -%}
    case
            when {{ sums }}.not_summed_because is not null then {{ sums }}.not_summed_because
            when {{ sums }}.forces_complete = 0 then 'no_complete_force'
            when coalesce({{ sums }}.denominator, 1) <= 0 then 'no_denominator'
        end
{%- endmacro %}

{#- A sum per 100,000 people; null for a ratio, without a value, and where the population is not known. -#}
{% macro rate_of_sum(condition="reason is null") -%}
    case when is_sum and {{ condition }} then {{ ratio("value_numerator", "value_denominator * population", "cast(100000 as bigint)") }} end
{%- endmacro %}

{#- CTEs `similar_in_force` and `members`: the forces of the group of each force and month of `figures`, by the CTE
    `similar_forces`. A force belongs to its own group. -#}
{% macro group_members(figures) -%}
similar_in_force as (

    select
        {{ figures }}.force_code,
        {{ figures }}.month_start,
        similar_forces.similar_force_code
    from {{ figures }}
    inner join similar_forces
        on {{ figures }}.force_code = similar_forces.force_code
        and {{ figures }}.month_start >= similar_forces.valid_from
        and {{ figures }}.month_start <= coalesce(similar_forces.valid_to, {{ figures }}.month_start)
    group by all

),

members as (

    select
        force_code,
        month_start,
        similar_force_code as member_code
    from similar_in_force

    union

    select
        force_code,
        month_start,
        force_code as member_code
    from similar_in_force

)
{%- endmacro %}
