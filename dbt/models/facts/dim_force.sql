with

forces as (
    select * from {{ ref("police_forces") }}
),

delivered as (
    select force_code from {{ ref("fct_call_segment") }}
    union
    select force_code from {{ ref("fct_digital_contact") }}
    union
    select force_code from {{ ref("fct_online_crime_report") }}
    union
    select force_code from {{ ref("fct_live_chat") }}
    union
    select force_code from {{ ref("fct_crime_status") }}
    union
    select force_code from {{ ref("int_published_figures_current") }}
    union
    select force_code from {{ ref("int_published_statements_current") }}
),

combined as (
    select
        force_code,
        force_name,
        true as is_known
    from forces
    union all
    select
        delivered.force_code,
        delivered.force_code as force_name,
        false as is_known
    from delivered
    left join forces
        on delivered.force_code = forces.force_code
    where forces.force_code is null
),

final as (
    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(force_name as {{ dbt.type_string() }}) as force_name,
        cast(is_known as boolean) as is_known
    from combined
)

select * from final
