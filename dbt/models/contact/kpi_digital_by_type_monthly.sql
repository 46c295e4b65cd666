with

measure_months as (select * from {{ ref("int_measure_monthly") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

final as (

    select
        cast(measure_months.force_code as {{ dbt.type_string() }}) as force_code,
        cast(measure_months.month_start as date) as month_start,
        cast(measure_months.name as {{ dbt.type_string() }}) as contact_type,
        cast(measure_months.value as bigint) as contacts,
        cast(measure_months.is_provisional as boolean) as is_provisional,
        cast(measure_months.share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded
    from measure_months
    inner join measures
        on measure_months.measure = measures.measure
    where measures.breakdown = 'contact_type'

)

select * from final
