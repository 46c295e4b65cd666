with

source_quarantine as (select * from {{ ref("int_source_quarantine") }}),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(source as {{ dbt.type_string() }}) as source,
        cast(month_start as date) as month_start,
        cast(period as {{ dbt.type_string() }}) as period,
        cast(rows_read as bigint) as rows_read,
        cast(rows_quarantined as bigint) as rows_quarantined,
        cast(share_quarantined as decimal(38, 6)) as share_quarantined,
        cast(is_affected_by_quarantine as boolean) as is_affected_by_quarantine
    from source_quarantine

)

select * from final
