{#- A view of a few rows. -#}
{{ config(materialized="view") }}

with

loads as (select * from {{ ref("stg_loads") }}),

load_forces as (select * from {{ ref("stg_load_forces") }}),

final as (

    select distinct cast(load_forces.force_code as {{ dbt.type_string() }}) as force_code
    from load_forces
    inner join loads
        on load_forces.load_id = loads.load_id
    where
        loads.status in ('loaded', 'empty')
        and load_forces.force_code is not null
        and load_forces.rows_loaded > 0

)

select * from final
